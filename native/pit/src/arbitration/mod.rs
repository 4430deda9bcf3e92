//! Arbitration: chooses among options by a policy, and says why. Same input, same answer. Decisions go to the audit log
//! within 50 ms (`flush` waits for them), policies at once. Any thread; a decision itself never waits.

mod policy;
mod score;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use rusqlite::{params, OptionalExtension, Row};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

pub use policy::{Policy, Rules, DEFAULT};
pub use score::{Candidate, Verdict};

use crate::clock::now_us;
use crate::error::{op, Kind, Op, Result};
use crate::home::{sql_error, Home, Pending};
use crate::ids;

const SUBMIT: Op = op("arbitration", "submit_decision");

/// A question put to the engine.
#[derive(Debug, Clone)]
pub struct Question {
    /// What kind of choice this is, e.g. `model-choice`.
    pub context_type: String,
    /// What the choice is about; kept in the audit log.
    pub data: Json,
    /// Each a text, or an object with `name` and any of `score`, `scores`, `cost`, `priority`.
    pub options: Vec<Json>,
    /// Name of a policy; None takes the default one.
    pub policy: Option<String>,
}

/// An answer, as it stands in the audit log.
#[derive(Debug, Clone)]
pub struct Decision {
    pub id: Uuid,
    pub context_type: String,
    pub data: Json,
    pub options: Json,
    /// Index of the chosen option.
    pub choice: usize,
    /// 0 to 1.
    pub confidence: f64,
    pub reasoning: String,
    pub policy: String,
    /// Microseconds since 1970.
    pub created_us: i64,
}

pub struct Arbitration {
    home: Arc<Home>,
    /// By name; another process may add some, so a miss looks at the database.
    policies: RwLock<HashMap<String, Arc<Policy>>>,
}

impl Arbitration {
    pub fn new(home: Arc<Home>) -> Arbitration {
        let policies = HashMap::from([(DEFAULT.to_owned(), Arc::new(Policy::standard()))]);
        Arbitration {
            home,
            policies: RwLock::new(policies),
        }
    }

    /// Chooses one of the options.
    pub fn submit_decision(&self, question: Question) -> Result<Decision> {
        if question.context_type.trim().is_empty() {
            return Err(SUBMIT.invalid(
                "context_type",
                question.context_type,
                "a text that is not empty, such as model-choice",
            ));
        }
        if question.options.is_empty() {
            return Err(SUBMIT.invalid("options", Json::Array(Vec::new()), "at least one option"));
        }
        let policy = self.find(SUBMIT, question.policy.as_deref().unwrap_or(DEFAULT))?;
        let candidates = question
            .options
            .iter()
            .enumerate()
            .map(|(index, option)| Candidate::read(SUBMIT, index, option))
            .collect::<Result<Vec<_>>>()?;
        let verdict = score::decide(SUBMIT, &candidates, &policy)?;
        let decision = Decision {
            id: ids::fresh(),
            context_type: question.context_type,
            data: question.data,
            options: Json::Array(question.options),
            choice: verdict.choice,
            confidence: verdict.confidence,
            reasoning: verdict.reasoning,
            policy: policy.name.clone(),
            created_us: now_us(),
        };
        self.log(decision.clone());
        Ok(decision)
    }

    /// Makes a policy; the name must be free.
    pub fn create_policy(
        &self,
        name: &str,
        rules: &Map<String, Json>,
    ) -> Result<Pending<Arc<Policy>>> {
        const OP: Op = op("arbitration", "create_policy");
        let policy = Arc::new(Policy::new(OP, name, rules)?);
        if name == DEFAULT {
            return Err(taken(OP, name));
        }
        Ok(self.home.write(OP, move |connection| {
            let inserted = connection
                .prepare_cached("INSERT INTO policy (id, name, rules, created_us) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO NOTHING")
                .and_then(|mut statement| statement.execute(params![policy.id, policy.name, policy.rules.to_json().to_string(), policy.created_us]))
                .map_err(|error| sql_error(OP, error))?;
            if inserted == 0 {
                return Err(taken(OP, &policy.name));
            }
            Ok(policy)
        }))
    }

    /// A policy by its name or the text of its id.
    pub fn get_policy(&self, key: &str) -> Result<Arc<Policy>> {
        self.find(op("arbitration", "get_policy"), key)
    }

    /// A decision of the audit log.
    pub fn decision(&self, id: Uuid) -> Result<Decision> {
        const OP: Op = op("arbitration", "decision");
        let found = self.home.read(OP, |connection| {
            connection
                .prepare_cached("SELECT * FROM decision WHERE id = ?1")
                .and_then(|mut statement| statement.query_row([id], read_decision).optional())
                .map_err(|error| sql_error(OP, error))
        })?;
        found.ok_or_else(|| OP.not_found("decision", id))
    }

    /// The newest decisions, newest first.
    pub fn audit(&self, limit: usize) -> Result<Vec<Decision>> {
        const OP: Op = op("arbitration", "audit");
        self.home.read(OP, |connection| {
            connection
                .prepare_cached("SELECT * FROM decision ORDER BY seq DESC LIMIT ?1")
                .and_then(|mut statement| {
                    statement
                        .query_map([limit as i64], read_decision)?
                        .collect()
                })
                .map_err(|error| sql_error(OP, error))
        })
    }

    fn find(&self, op: Op, key: &str) -> Result<Arc<Policy>> {
        if let Some(policy) = self.policies.read().get(key) {
            return Ok(policy.clone());
        }
        let id = Uuid::try_parse(key).ok();
        if id == Some(Policy::standard().id) {
            return self.find(op, DEFAULT);
        }
        let row: Option<(Uuid, String, String, i64)> = self.home.read(op, |connection| {
            connection
                .prepare_cached(
                    "SELECT id, name, rules, created_us FROM policy WHERE name = ?1 OR id = ?2",
                )
                .and_then(|mut statement| {
                    statement
                        .query_row(params![key, id], |row| {
                            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                        })
                        .optional()
                })
                .map_err(|error| sql_error(op, error))
        })?;
        let Some((id, name, rules, created_us)) = row else {
            return Err(op
                .not_found("policy", key)
                .hint("make it with create_policy, or use 'default'"));
        };
        let rules: Map<String, Json> = serde_json::from_str(&rules).map_err(|error| {
            op.error(Kind::Damaged, format!("policy '{name}': {error}"))
                .because(error)
        })?;
        let policy = Arc::new(Policy {
            id,
            rules: Rules::read(op, &rules)?,
            name: name.clone(),
            created_us,
        });
        self.policies.write().insert(name, policy.clone());
        Ok(policy)
    }

    fn log(&self, decision: Decision) {
        self.home.write_lazily(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO decision (id, context_type, data, options, choice, confidence, reasoning, policy, created_us)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        decision.id,
                        decision.context_type,
                        decision.data.to_string(),
                        decision.options.to_string(),
                        decision.choice as i64,
                        decision.confidence,
                        decision.reasoning,
                        decision.policy,
                        decision.created_us,
                    ])
                })
                .map(drop)
                .map_err(|error| sql_error(SUBMIT, error))
        });
    }
}

fn read_decision(row: &Row<'_>) -> rusqlite::Result<Decision> {
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Json::Null);
    Ok(Decision {
        id: row.get("id")?,
        context_type: row.get("context_type")?,
        data: json(row.get("data")?),
        options: json(row.get("options")?),
        choice: row.get::<_, i64>("choice")? as usize,
        confidence: row.get("confidence")?,
        reasoning: row.get("reasoning")?,
        policy: row.get("policy")?,
        created_us: row.get("created_us")?,
    })
}

#[track_caller]
fn taken(op: Op, name: &str) -> crate::error::PitError {
    op.error(
        Kind::Conflict,
        format!("there is a policy '{name}' already"),
    )
    .detail("field", "name")
    .detail("value", name)
    .hint("choose another name")
}
