//! Digests of the configuration, by what they influence: a report can then say which of them has changed.

use serde_json::json;

use super::settings::Config;
use super::tier::Tier;
use crate::ident::{Digest, Digester, TaskName};
use crate::record::canonical_json;

impl Config {
    /// The digest of the policy.
    #[must_use]
    pub fn policy_digest(&self) -> Digest {
        let value = serde_json::to_value(&self.policy).unwrap_or_default();
        Digester::new("route-prof policy 1").part(canonical_json(&value).as_bytes()).finish()
    }

    /// The digest of what the decision knows of the tasks: traffic, consequence, needs, oracles, floors.
    #[must_use]
    pub fn tasks_digest(&self) -> Digest {
        let mut digester = Digester::new("route-prof tasks 1");
        let mut tasks: Vec<_> = self.tasks.iter().collect();
        tasks.sort_by(|a, b| a.name.cmp(&b.name));
        for task in tasks {
            let mut value = json!({
                "name": task.name,
                "oracle": task.oracle,
                "consequence": task.consequence,
                "latency_p95": task.latency_p95,
                "data_location": task.data_location,
                "requests_per_day": task.requests_per_day,
                "route_floor": task.route_floor,
                "monitor_floor": task.monitor_floor,
                "latency_penalty": task.latency_penalty,
            });
            // Left out where they are not set, so that routes made before they could be are still what they were.
            let optional = [
                ("margin", task.margin.map(|margin| json!(margin))),
                ("ttft_p95", task.ttft_p95.map(|need| json!(need))),
                ("escalate_above", task.escalate_above.map(|share| json!(share))),
            ];
            for (name, value_of) in optional {
                if let (Some(value_of), Some(fields)) = (value_of, value.as_object_mut()) {
                    fields.insert(name.to_owned(), value_of);
                }
            }
            if let (Some(range), Some(fields)) = (task.traffic_range, value.as_object_mut()) {
                fields.insert("traffic_range".to_owned(), json!(range));
            }
            if let (false, Some(fields)) = (task.split.is_empty(), value.as_object_mut()) {
                fields.insert("split".to_owned(), json!(task.split));
            }
            digester.part(canonical_json(&value).as_bytes());
        }
        digester.finish()
    }

    /// The digest of what is sent where: models, endpoints, parameters, caps, and the text around each prompt.
    #[must_use]
    pub fn tiers_digest(&self) -> Digest {
        let mut digester = Digester::new("route-prof tiers 1");
        // What stands outside the ladder decides nothing.
        for tier in self.ladder() {
            digester.part(canonical_json(&self.tier_value(tier)).as_bytes());
        }
        let mut tasks: Vec<_> = self.tasks.iter().collect();
        tasks.sort_by(|a, b| a.name.cmp(&b.name));
        for task in tasks {
            let name: &TaskName = &task.name;
            let value = json!({
                "name": name,
                "system": task.system,
                "shots": &task.shots[..],
                "template": task.template,
                "params": task.params,
                "max_output_tokens": task.max_output_tokens,
            });
            digester.part(canonical_json(&value).as_bytes());
        }
        digester.part(&self.run.max_output_tokens.0.to_le_bytes()).part(&self.run.repeats.to_le_bytes());
        digester.finish()
    }

    fn tier_value(&self, tier: &Tier) -> serde_json::Value {
        let provider = self.providers.get(&tier.model.provider);
        json!({
            "name": tier.name,
            "model": tier.model,
            "same_class": tier.same_class,
            "max_output_tokens": tier.max_output_tokens,
            "context_window": tier.context_window,
            "params": tier.params,
            "api": provider.map(|provider| &provider.api),
            "base_url": provider.and_then(|provider| provider.base_url.as_ref()),
            "data_location": provider.map(|provider| provider.data_location),
        })
    }
}
