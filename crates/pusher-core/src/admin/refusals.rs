//! Refused and dropped peers and messages, in words: what happened, and what the operator can do.

use std::time::Instant;

use serde_json::{Value, json};

use super::refusal_words::{Words, words};
use crate::context::Context;
use crate::stats::{Figure, Value as FigureValue};

/// Most refused origins in the answer.
const ORIGINS_MAX: usize = 20;

/// Returns refused and dropped peers and messages by reason, without reasons that did not occur, the most frequent first.
pub(super) fn refused(context: &Context, figures: &[Figure]) -> Vec<Value> {
    let last = context.counters.last_refusals();
    let mut counted = Vec::new();
    for figure in figures {
        for (reason, count) in counts(figure) {
            if let Some(who) = figure.refused.filter(|_| count > 0) {
                counted.push((count, who, figure.name, reason));
            }
        }
    }
    counted.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    let rows = counted.into_iter().map(|(count, who, figure, reason)| {
        let Words { meaning, advice } = words(figure, reason);
        let mut last = last.iter();
        let last = last.find(|(name, label, _)| (*name, *label) == (figure, reason));
        let last = last.map(|(_, _, entry)| {
            let ago_s = entry.at.elapsed().as_secs();
            json!({"ago_s": ago_s, "peer": entry.peer, "what": entry.message})
        });
        json!({
            "who": who,
            "reason": reason,
            "count": count,
            "meaning": meaning,
            "advice": advice,
            "last": last,
        })
    });
    rows.collect()
}

/// Returns the origins of refused pages, the last one first.
pub(super) fn refused_origins(context: &Context) -> Vec<Value> {
    let now = Instant::now();
    let origins = context.refused_origins.list().into_iter();
    let rows = origins.take(ORIGINS_MAX).map(|(origin, refused)| {
        let ago_s = now.saturating_duration_since(refused.last_at).as_secs();
        json!({
            "origin": origin,
            "count": refused.count,
            "ago_s": ago_s,
            "what": refused.explanation,
        })
    });
    rows.collect()
}

/// Returns the reasons of a figure, and how often each occurred.
fn counts(figure: &Figure) -> Vec<(&'static str, u64)> {
    match &figure.value {
        FigureValue::Number(count) => vec![(figure.name, *count)],
        FigureValue::ByLabel { counts, .. } => counts.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::Recipe;
    use crate::config::Options;
    use crate::server::Server;
    use crate::stats::BrowserRefusal;

    fn context() -> std::sync::Arc<Context> {
        let mut options = Options::default();
        options.listen.clear();
        options.publish_listen.clear();
        Server::bind(options, Recipe::default()).unwrap().context
    }

    #[tokio::test]
    async fn every_reason_has_words_of_its_own() {
        let figures = context().hub.stats().figures();
        for figure in figures.iter().filter(|figure| figure.refused.is_some()) {
            let reasons = counts(figure);
            for (reason, _) in &reasons {
                let words_of = words(figure.name, reason);
                assert!(words_of.meaning.len() > 10, "{} {reason}", figure.name);
                let same = reasons
                    .iter()
                    .filter(|(other, _)| words(figure.name, other) == words_of);
                assert_eq!(same.count(), 1, "{} {reason}", figure.name);
            }
        }
    }

    #[tokio::test]
    async fn a_refusal_has_its_last_line_and_an_origin_its_option() {
        let context = context();
        let refused_browsers = &context.counters.browsers_refused;
        let why = BrowserRefusal::Subprotocol;
        for peer in ["192.0.2.1:1", "192.0.2.2:2"] {
            refused_browsers.refuse(why, &context.browser_log, peer, "offers none");
        }
        refused_browsers.count(BrowserRefusal::Origin);
        let rows = refused(&context, &context.hub.stats().figures());
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["reason"], "subprotocol");
        assert_eq!(
            (&rows[0]["count"], &rows[0]["who"]),
            (&json!(2), &json!("browser"))
        );
        assert_eq!(rows[0]["last"]["peer"], "192.0.2.2:2");
        assert_eq!(rows[0]["last"]["what"], "offers none");
        assert_eq!(rows[1]["last"], Value::Null);

        let explanation = "To allow them: --allow-origin https://a.example";
        let origins = &context.refused_origins;
        origins.refuse("https://a.example", explanation, Instant::now());
        let rows = refused_origins(&context);
        let expected = json!([
            {"origin": "https://a.example", "count": 1, "ago_s": 0, "what": explanation},
        ]);
        assert_eq!(Value::from(rows), expected);
    }
}
