//! Policies: how much each criterion weighs, and what rules an option out.

use serde_json::{json, Map, Value as Json};
use uuid::Uuid;

use crate::clock::now_us;
use crate::error::{Op, Result};
use crate::ids;

/// The policy that is always there: score 0.6, priority 0.25, cost 0.15, no limits.
pub const DEFAULT: &str = "default";

#[derive(Debug, Clone)]
pub struct Policy {
    pub id: Uuid,
    pub name: String,
    pub rules: Rules,
    /// Microseconds since 1970; 0 for the built-in one.
    pub created_us: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Criterion → weight. `cost` counts against an option, every other criterion for it.
    pub weights: Vec<(String, f64)>,
    pub max_cost: Option<f64>,
    pub min_score: Option<f64>,
}

impl Policy {
    pub fn new(op: Op, name: &str, rules: &Map<String, Json>) -> Result<Policy> {
        if name.trim().is_empty() || name.len() > 200 || Uuid::try_parse(name).is_ok() {
            return Err(op.invalid(
                "name",
                name,
                "1 to 200 bytes of text that do not read as a UUID",
            ));
        }
        Ok(Policy {
            id: ids::fresh(),
            name: name.to_owned(),
            rules: Rules::read(op, rules)?,
            created_us: now_us(),
        })
    }

    pub fn standard() -> Policy {
        let weights = [("score", 0.6), ("priority", 0.25), ("cost", 0.15)];
        Policy {
            // Fixed: every home has the same built-in policy.
            id: Uuid::from_u128(0x5379_6d70_686f_4e79_8000_0000_0000_0001),
            name: DEFAULT.to_owned(),
            rules: Rules {
                weights: weights
                    .map(|(name, weight)| (name.to_owned(), weight))
                    .into(),
                max_cost: None,
                min_score: None,
            },
            created_us: 0,
        }
    }
}

impl Rules {
    /// Reads `{weights: {criterion: number}, max_cost: number, min_score: number}`; each part may be left out.
    pub fn read(op: Op, rules: &Map<String, Json>) -> Result<Rules> {
        let mut read = Rules {
            weights: Policy::standard_weights(),
            max_cost: None,
            min_score: None,
        };
        for (key, value) in rules {
            match key.as_str() {
                "weights" => read.weights = weights(op, value)?,
                "max_cost" => read.max_cost = limit(op, key, value)?,
                "min_score" => read.min_score = limit(op, key, value)?,
                _ => {
                    return Err(op.invalid(
                        "rules",
                        key.as_str(),
                        "the keys weights, max_cost and min_score",
                    ))
                }
            }
        }
        Ok(read)
    }

    pub fn to_json(&self) -> Json {
        let weights: Map<String, Json> = self
            .weights
            .iter()
            .map(|(name, weight)| (name.clone(), json!(weight)))
            .collect();
        json!({ "weights": weights, "max_cost": self.max_cost, "min_score": self.min_score })
    }
}

impl Policy {
    fn standard_weights() -> Vec<(String, f64)> {
        Policy::standard().rules.weights
    }
}

fn weights(op: Op, value: &Json) -> Result<Vec<(String, f64)>> {
    const ALLOWED: &str = "criteria with weights of 0 or more, at least one above 0";
    let table = value
        .as_object()
        .ok_or_else(|| op.invalid("rules.weights", value.clone(), ALLOWED))?;
    let mut weights = Vec::with_capacity(table.len());
    for (name, weight) in table {
        let number = weight
            .as_f64()
            .filter(|number| number.is_finite() && *number >= 0.0);
        weights.push((
            name.clone(),
            number.ok_or_else(|| {
                op.invalid(&format!("rules.weights.{name}"), weight.clone(), ALLOWED)
            })?,
        ));
    }
    if weights.iter().all(|(_, weight)| *weight == 0.0) {
        return Err(op.invalid("rules.weights", value.clone(), ALLOWED));
    }
    Ok(weights)
}

fn limit(op: Op, key: &str, value: &Json) -> Result<Option<f64>> {
    if value.is_null() {
        return Ok(None);
    }
    match value.as_f64().filter(|number| number.is_finite()) {
        Some(number) => Ok(Some(number)),
        None => Err(op.invalid(
            &format!("rules.{key}"),
            value.clone(),
            "a finite number, or nothing",
        )),
    }
}
