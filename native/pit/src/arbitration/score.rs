//! The scoring of options: each criterion is brought to 0..1 over the options at hand, weighed by the policy, summed.
//! Pure and deterministic; a tie goes to the option that stands first.

use serde_json::Value as Json;

use super::policy::{Policy, DEFAULT};
use crate::error::{Op, Result};

/// One option, read.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub label: String,
    /// Criterion → value, in the order given.
    pub criteria: Vec<(String, f64)>,
}

/// The answer to one question.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub choice: usize,
    pub confidence: f64,
    pub reasoning: String,
}

/// Two options a quarter apart in utility are told apart with confidence e / (e + 1).
const SHARPNESS: f64 = 4.0;

impl Candidate {
    /// `option`: a text, or an object whose `score`, `cost`, `priority` and `scores.*` are numbers.
    pub fn read(op: Op, index: usize, option: &Json) -> Result<Candidate> {
        let mut candidate = Candidate {
            label: label(index, option),
            criteria: Vec::new(),
        };
        let Some(table) = option.as_object() else {
            return Ok(candidate);
        };
        let mut add = |key: &str, value: &Json| -> Result<()> {
            if value.is_null() {
                return Ok(());
            }
            let allowed = if key == "cost" {
                "a number of 0 or more"
            } else {
                "a finite number"
            };
            let number = value
                .as_f64()
                .filter(|number| number.is_finite() && (key != "cost" || *number >= 0.0));
            let number = number.ok_or_else(|| {
                op.invalid(&format!("options[{index}].{key}"), value.clone(), allowed)
            })?;
            candidate.criteria.push((key.to_owned(), number));
            Ok(())
        };
        for (key, value) in table {
            match key.as_str() {
                "score" | "cost" | "priority" => add(key, value)?,
                "scores" => {
                    let scores = value.as_object().ok_or_else(|| {
                        op.invalid(
                            &format!("options[{index}].scores"),
                            value.clone(),
                            "criteria with numbers",
                        )
                    })?;
                    for (criterion, number) in scores {
                        add(criterion, number)?;
                    }
                }
                _ => {}
            }
        }
        Ok(candidate)
    }

    fn value(&self, criterion: &str) -> Option<f64> {
        self.criteria
            .iter()
            .find(|(name, _)| name == criterion)
            .map(|(_, value)| *value)
    }
}

/// Chooses among `candidates` (at least one).
pub fn decide(op: Op, candidates: &[Candidate], policy: &Policy) -> Result<Verdict> {
    let allowed: Vec<usize> = (0..candidates.len())
        .filter(|&index| refused(&candidates[index], policy).is_none())
        .collect();
    if allowed.is_empty() {
        let reasons: Vec<String> = candidates
            .iter()
            .map(|candidate| {
                format!(
                    "{}: {}",
                    candidate.label,
                    refused(candidate, policy).unwrap_or_default()
                )
            })
            .collect();
        return Err(op.invalid(
            "options",
            reasons.join("; "),
            &format!(
                "at least one option within the limits of policy '{}'",
                policy.name
            ),
        ));
    }
    let weights = criteria(candidates, policy);
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let utility = |index: usize| -> f64 {
        let sum: f64 = weights
            .iter()
            .map(|(name, weight)| weight * normal(candidates, &allowed, index, name))
            .sum();
        if total > 0.0 {
            sum / total
        } else {
            0.5
        }
    };
    let utilities: Vec<(usize, f64)> = allowed
        .iter()
        .map(|&index| (index, utility(index)))
        .collect();
    let mut ranked = utilities.clone();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let (choice, best) = ranked[0];
    let spread: f64 = utilities
        .iter()
        .map(|(_, value)| ((value - best) * SHARPNESS).exp())
        .sum();
    let reasoning = explain(candidates, policy, &weights, &allowed, &ranked);
    Ok(Verdict {
        choice,
        confidence: 1.0 / spread,
        reasoning,
    })
}

/// The policy's weights; the built-in policy also counts criteria that only the options know, at its highest weight.
fn criteria(candidates: &[Candidate], policy: &Policy) -> Vec<(String, f64)> {
    let mut weights: Vec<(String, f64)> = policy
        .rules
        .weights
        .iter()
        .filter(|(name, _)| {
            candidates
                .iter()
                .any(|candidate| candidate.value(name).is_some())
        })
        .cloned()
        .collect();
    if policy.name != DEFAULT {
        return weights;
    }
    let extra = policy
        .rules
        .weights
        .iter()
        .map(|(_, weight)| *weight)
        .fold(0.0, f64::max);
    for (name, _) in candidates.iter().flat_map(|candidate| &candidate.criteria) {
        if !weights.iter().any(|(known, _)| known == name)
            && !policy.rules.weights.iter().any(|(known, _)| known == name)
        {
            weights.push((name.clone(), extra));
        }
    }
    weights
}

/// 0..1 over the allowed options; one half where the option says nothing or all say the same.
fn normal(candidates: &[Candidate], allowed: &[usize], index: usize, criterion: &str) -> f64 {
    let Some(value) = candidates[index].value(criterion) else {
        return 0.5;
    };
    let values = allowed
        .iter()
        .filter_map(|&other| candidates[other].value(criterion));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if high <= low {
        return 0.5;
    }
    let share = (value - low) / (high - low);
    if criterion == "cost" {
        1.0 - share
    } else {
        share
    }
}

fn refused(candidate: &Candidate, policy: &Policy) -> Option<String> {
    let over = policy
        .rules
        .max_cost
        .filter(|limit| candidate.value("cost").is_some_and(|cost| cost > *limit));
    let under = policy
        .rules
        .min_score
        .filter(|limit| candidate.value("score").is_some_and(|score| score < *limit));
    over.map(|limit| format!("cost above {limit}"))
        .or_else(|| under.map(|limit| format!("score below {limit}")))
}

fn explain(
    candidates: &[Candidate],
    policy: &Policy,
    weights: &[(String, f64)],
    allowed: &[usize],
    ranked: &[(usize, f64)],
) -> String {
    let (choice, best) = ranked[0];
    let chosen = &candidates[choice];
    let mut text = format!("'{}' by policy '{}'", chosen.label, policy.name);
    match ranked.get(1) {
        None if candidates.len() == 1 => text.push_str(": the only option"),
        None => text.push_str(": the only option within its limits"),
        Some(_) if weights.is_empty() => {
            text.push_str(": nothing tells the options apart, so the first one")
        }
        Some((second, next)) if (best - next).abs() < f64::EPSILON => text.push_str(&format!(
            ": level with '{}' at {best:.2} of 1, it stands first",
            candidates[*second].label
        )),
        Some((second, next)) => {
            let mut parts: Vec<String> = Vec::new();
            for (name, _) in weights {
                if let Some(value) = chosen.value(name) {
                    let place = rank(candidates, allowed, choice, name);
                    parts.push(format!("{name} {value} ({place} of {})", allowed.len()));
                }
            }
            text.push_str(&format!(
                ": {best:.2} of 1 against {next:.2} for '{}'; {}",
                candidates[*second].label,
                parts.join(", ")
            ));
        }
    }
    let out: Vec<String> = candidates
        .iter()
        .filter_map(|candidate| {
            refused(candidate, policy).map(|reason| format!("'{}' ({reason})", candidate.label))
        })
        .collect();
    if !out.is_empty() {
        text.push_str(&format!("; ruled out: {}", out.join(", ")));
    }
    text
}

fn rank(candidates: &[Candidate], allowed: &[usize], index: usize, criterion: &str) -> usize {
    let own = normal(candidates, allowed, index, criterion);
    1 + allowed
        .iter()
        .filter(|&&other| normal(candidates, allowed, other, criterion) > own)
        .count()
}

fn label(index: usize, option: &Json) -> String {
    let named = option.as_str().or_else(|| {
        option
            .get("name")
            .or_else(|| option.get("id"))
            .and_then(Json::as_str)
    });
    named.map_or_else(|| format!("option {}", index + 1), str::to_owned)
}
