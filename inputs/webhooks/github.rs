//! GitHub: one metric an event. Which tags and fields an event has beside those that all have stands in a table.
//!
//! Source: GitHub's documentation, "Webhook events and payloads".

use super::json::{at, boolean, int, text};
use agent_api::plugin::now;
use agent_api::{Batch, Result, Value, ensure};
use serde_json::Value as Json;

/// How a value is read.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Int,
    Bool,
}
use Kind::{Bool, Int, Text};

type Part = (&'static str, &'static str, Kind);

/// An event: the header, the tag `event`, tags and fields with the path of their value.
struct Event {
    header: &'static str,
    event: &'static str,
    tags: &'static [Part],
    fields: &'static [Part],
}

const fn of(header: &'static str, tags: &'static [Part], fields: &'static [Part]) -> Event {
    Event { header, event: header, tags, fields }
}

const REF: &[Part] = &[("ref", "ref", Text), ("refType", "ref_type", Text)];
const MEMBER: &[Part] = &[("newMember", "member/login", Text), ("newMemberStatus", "member/site_admin", Bool)];
const ACTION: Part = ("action", "action", Text);
const ISSUE: Part = ("issue", "issue/number", Int);
const PULL_REQUEST: Part = ("prNumber", "pull_request/number", Int);

const EVENTS: &[Event] = &[
    of("commit_comment", &[], &[("commit", "comment/commit_id", Text), ("comment", "comment/body", Text)]),
    of("create", &[], REF),
    of("delete", &[], REF),
    of(
        "deployment",
        &[],
        &[
            ("commit", "deployment/sha", Text),
            ("task", "deployment/task", Text),
            ("environment", "deployment/environment", Text),
            ("description", "deployment/description", Text),
        ],
    ),
    of(
        "deployment_status",
        &[],
        &[
            ("commit", "deployment/sha", Text),
            ("task", "deployment/task", Text),
            ("environment", "deployment/environment", Text),
            ("description", "deployment/description", Text),
            ("depState", "deployment_status/state", Text),
            ("depDescription", "deployment_status/description", Text),
        ],
    ),
    of("fork", &[], &[("fork", "forkee/full_name", Text)]),
    of("gollum", &[], &[]),
    of(
        "issue_comment",
        &[ISSUE],
        &[("title", "issue/title", Text), ("comments", "issue/comments", Int), ("body", "comment/body", Text)],
    ),
    Event {
        header: "issues",
        event: "issue",
        tags: &[ISSUE, ACTION],
        fields: &[("title", "issue/title", Text), ("comments", "issue/comments", Int)],
    },
    of("member", &[], MEMBER),
    of("membership", &[ACTION], MEMBER),
    of("page_build", &[], &[]),
    of("public", &[], &[]),
    of(
        "pull_request",
        &[ACTION, PULL_REQUEST],
        &[
            ("state", "pull_request/state", Text),
            ("title", "pull_request/title", Text),
            ("comments", "pull_request/comments", Int),
            ("commits", "pull_request/commits", Int),
            ("additions", "pull_request/additions", Int),
            ("deletions", "pull_request/deletions", Int),
            ("changedFiles", "pull_request/changed_files", Int),
        ],
    ),
    of(
        "pull_request_review_comment",
        &[PULL_REQUEST],
        &[
            ("state", "pull_request/state", Text),
            ("title", "pull_request/title", Text),
            ("comments", "pull_request/comments", Int),
            ("commits", "pull_request/commits", Int),
            ("additions", "pull_request/additions", Int),
            ("deletions", "pull_request/deletions", Int),
            ("changedFiles", "pull_request/changed_files", Int),
            ("commentFile", "comment/path", Text),
            ("comment", "comment/body", Text),
        ],
    ),
    of("push", &[], &[("ref", "ref", Text), ("before", "before", Text), ("after", "after", Text)]),
    of("release", &[], &[("tagName", "release/tag_name", Text)]),
    of("repository", &[], &[]),
    of("status", &[], &[("commit", "sha", Text), ("state", "state", Text)]),
    of("team_add", &[], &[("teamName", "team/name", Text)]),
    of("watch", &[], &[]),
    of(
        "workflow_job",
        &[ACTION, ("name", "workflow_job/name", Text), ("conclusion", "workflow_job/conclusion", Text)],
        &[("run_attempt", "workflow_job/run_attempt", Int), ("head_branch", "workflow_job/head_branch", Text)],
    ),
    of(
        "workflow_run",
        &[ACTION, ("name", "workflow_run/name", Text), ("conclusion", "workflow_run/conclusion", Text)],
        &[
            ("run_id", "workflow_run/id", Int),
            ("run_attempt", "workflow_run/run_attempt", Int),
            ("head_branch", "workflow_run/head_branch", Text),
        ],
    ),
];

/// Adds the metric of the event that the header names. A `ping` says that the hook was set up and gives none.
pub(super) fn event(name: &str, body: &Json, batch: &mut Batch) -> Result<()> {
    let Some(event) = EVENTS.iter().find(|e| e.header == name) else {
        ensure!(
            name == "ping",
            "event {:?} of the header X-GitHub-Event is unknown",
            name.chars().take(60).collect::<String>()
        );
        return Ok(());
    };
    let mut metric = batch.metric("github_webhooks").time(now());
    metric.add_tag("event", event.event);
    metric.add_tag("user", text(body, "sender/login")?);
    metric.add_tag("admin", if boolean(body, "sender/site_admin")? { "true" } else { "false" });
    // An organisation's events have no repository.
    if event.header != "membership" {
        metric.add_tag("repository", text(body, "repository/full_name")?);
        metric.add_tag("private", if boolean(body, "repository/private")? { "true" } else { "false" });
        metric.add_field("stars", int(body, "repository/stargazers_count")?);
        metric.add_field("forks", int(body, "repository/forks_count")?);
        metric.add_field("issues", int(body, "repository/open_issues_count")?);
    }
    for (key, path, kind) in event.tags {
        match kind {
            Int => metric.add_tag(key, &int(body, path)?.to_string()),
            _ => metric.add_tag(key, text(body, path)?),
        }
    }
    for (key, path, kind) in event.fields {
        match kind {
            Text => metric.add_field(key, text(body, path)?),
            Int => metric.add_field(key, int(body, path)?),
            Bool => metric.add_field(key, boolean(body, path)?),
        }
    }
    for (key, from, to) in times(event.header, body) {
        let between = match (moment(body, from), moment(body, to)) {
            (Some(from), Some(to)) => to - from,
            _ => 0,
        };
        metric.add_field(key, Value::Int(between));
    }
    Ok(())
}

/// Lengths of time of a workflow, by the paths of their begin and end.
fn times(header: &str, body: &Json) -> Vec<(&'static str, &'static str, &'static str)> {
    match header {
        "workflow_job" => vec![
            ("queue_time", "workflow_job/created_at", "workflow_job/started_at"),
            ("run_time", "workflow_job/started_at", "workflow_job/completed_at"),
        ],
        "workflow_run" => {
            // A run that goes on has no end yet.
            let end = match at(body, "action").ok().flatten().and_then(Json::as_str) {
                Some("completed") => "workflow_run/updated_at",
                _ => "",
            };
            vec![
                ("queue_time", "workflow_run/created_at", "workflow_run/run_started_at"),
                ("run_time", "workflow_run/run_started_at", end),
            ]
        }
        _ => Vec::new(),
    }
}

/// A time in milliseconds.
fn moment(body: &Json, path: &str) -> Option<i64> {
    at(body, path).ok()??.as_str()?.parse::<jiff::Timestamp>().ok().map(|t| t.as_millisecond())
}
