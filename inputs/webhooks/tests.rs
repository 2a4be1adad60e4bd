//! The server over loopback, and every kind of event.

use super::*;
use crate::testing::{Running, http};
use std::net::SocketAddr;

async fn start(own: impl FnOnce(&mut Settings)) -> (SocketAddr, Running) {
    let mut settings = Settings { service_address: "127.0.0.1:0".to_owned(), ..Settings::default() };
    own(&mut settings);
    let mut plugin = Webhooks::new(settings, &Env::new("inputs.webhooks")).unwrap();
    plugin.open().await.unwrap();
    (plugin.bound.as_ref().unwrap().local().unwrap(), Running::start(plugin))
}

fn place() -> Option<Place> {
    Some(Place::default())
}

/// Lines without their times.
fn timeless(lines: &[String]) -> Vec<String> {
    lines.iter().map(|l| l.rsplit_once(' ').unwrap().0.to_owned()).collect()
}

const PUSH: &[u8] = br#"{"ref": "refs/heads/main", "before": "a", "after": "b", "sender": {"login": "anna", "site_admin": true},
    "repository": {"full_name": "own/it", "private": false, "stargazers_count": 1, "forks_count": 2, "open_issues_count": 3}}"#;

#[tokio::test]
async fn github_events_and_signatures() {
    let (at, server) = start(|s| s.github = Some(Place { secret: Secret::new("key"), ..Place::default() })).await;
    let sign = |algorithm, body: &[u8]| {
        let tag = hmac::sign(&hmac::Key::new(algorithm, b"key"), body);
        tag.as_ref().iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let old = format!(
        "X-GitHub-Event: push\r\nX-Hub-Signature: sha1={}\r\n",
        sign(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, PUSH)
    );
    let new = format!("X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256={}\r\n", sign(hmac::HMAC_SHA256, PUSH));
    assert_eq!(http(at, "POST", "/github", &old, PUSH).await.0, 200);
    assert_eq!(http(at, "POST", "/github", &new, PUSH).await.0, 200);
    for bad in ["", "X-Hub-Signature: sha1=00\r\n", "X-Hub-Signature: md5=00\r\n", "X-Hub-Signature: sha1=0\r\n"] {
        let headers = format!("X-GitHub-Event: push\r\n{bad}");
        assert_eq!(http(at, "POST", "/github", &headers, PUSH).await.0, 400, "{bad}");
    }
    assert_eq!(http(at, "GET", "/github", "", b"").await.0, 405);
    assert_eq!(http(at, "POST", "/other", "", b"").await.0, 404);
    let push = "github_webhooks,admin=true,event=push,private=false,repository=own/it,user=anna stars=1i,forks=2i,issues=3i,\
                ref=\"refs/heads/main\",before=\"a\",after=\"b\"";
    assert_eq!(timeless(&server.stop().await.lines()), [push, push]);
}

#[tokio::test]
async fn who_may_call() {
    let (at, server) = start(|s| {
        s.rollbar = Some(Place {
            path: "/own".to_owned(),
            username: Secret::new("own"),
            password: Secret::new("pw"),
            ..Place::default()
        });
        s.mandrill = place();
    })
    .await;
    let body = br#"{"event_name": "deploy", "data": {"deploy": {"id": 9, "environment": "prod", "project_id": 44}}}"#;
    assert_eq!(http(at, "POST", "/own", "", body).await.0, 401);
    assert_eq!(http(at, "POST", "/own", "Authorization: Basic b3duOnB3\r\n", body).await.0, 200);
    assert_eq!(http(at, "HEAD", "/mandrill", "", b"").await.0, 200);
    assert_eq!(http(at, "HEAD", "/own", "", b"").await.0, 405);
    let lines = server.stop().await.lines();
    assert_eq!(timeless(&lines), ["rollbar_webhooks,environment=prod,event=deploy,project_id=44 id=9i"]);
}

#[tokio::test]
async fn forms() {
    let (at, server) = start(|s| (s.papertrail, s.mandrill) = (place(), place())).await;
    let form = |name: &str, text: &str| {
        url::form_urlencoded::Serializer::new(String::new()).append_pair(name, text).finish().into_bytes()
    };
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let events = r#"{"events": [{"id": 7, "received_at": "2024-05-06T07:08:09-07:00", "hostname": "web", "source_ip": "10.0.0.1",
        "source_name": "w", "source_id": 4, "program": "cron", "severity": "Info", "facility": "Cron", "message": "m"}],
        "saved_search": {"id": 42, "name": "s", "html_search_url": "https://own.example/s/42"}}"#;
    let counts =
        r#"{"counts": [{"source_name": "web", "timeseries": {"1453248895": 5}}], "saved_search": {"name": "s"}}"#;
    for payload in [events, counts] {
        assert_eq!(http(at, "POST", "/papertrail", kind, &form("payload", payload)).await.0, 200);
    }
    for (headers, body) in [(kind, form("payload", "")), (kind, form("payload", "{}")), (kind, form("x", events))] {
        assert_eq!(http(at, "POST", "/papertrail", headers, &body).await.0, 400);
    }
    assert_eq!(http(at, "POST", "/papertrail", "", b"payload=1").await.0, 415);
    let mandrill =
        form("mandrill_events", r#"[{"event": "send", "ts": 1365109999, "_id": "e1"}, {"event": "open", "ts": 1}]"#);
    assert_eq!(http(at, "POST", "/mandrill", kind, &mandrill).await.0, 200);
    assert_eq!(http(at, "POST", "/mandrill", kind, &form("mandrill_events", "{}")).await.0, 400);
    assert_eq!(
        server.stop().await.lines(),
        [
            "papertrail,event=s,host=web source_ip=\"10.0.0.1\",source_name=\"w\",program=\"cron\",severity=\"Info\",\
             facility=\"Cron\",message=\"m\",count=1u,id=7u,source_id=4i,search_id=42u,\
             url=\"https://own.example/s/42?centered_on_id=7\" 1715004489000000000",
            "papertrail,event=s,host=web count=5u 1453248895000000000",
            "mandrill_webhooks,event=send id=\"e1\" 1365109999000000000",
            "mandrill_webhooks,event=open id=\"\" 1000000000",
        ]
    );
}

/// The line of a document, or the error.
fn one(read: impl Fn(&serde_json::Value, &mut Batch) -> Result<()>, body: &str) -> Result<String, String> {
    let mut batch = Batch::new();
    read(&json::parse(body.as_bytes()).map_err(|e| e.to_string())?, &mut batch).map_err(|e| e.to_string())?;
    Ok(batch.iter().map(|m| format!("{m:?}").rsplit_once(' ').unwrap().0.to_owned()).collect::<Vec<_>>().join("; "))
}

#[test]
fn other_events_of_github() {
    let github = |name: &str, body: &str| one(|body, batch| github::event(name, body, batch), body);
    assert_eq!(github("ping", "{}").unwrap(), "");
    assert!(github("own", "{}").is_err() && github("", "{}").is_err());
    assert!(github("push", r#"{"repository": {"stargazers_count": "x"}}"#).unwrap_err().contains("stargazers_count"));
    let issue = r#"{"action": "opened", "issue": {"number": 2, "title": "t", "comments": 0}}"#;
    assert!(
        github("issues", issue).unwrap().starts_with("github_webhooks,action=opened,admin=false,event=issue,issue=2,")
    );
    let member = github("membership", r#"{"action": "added", "member": {"login": "m", "site_admin": false}}"#).unwrap();
    assert_eq!(
        member,
        "github_webhooks,action=added,admin=false,event=membership,user= newMember=Str(\"m\"),newMemberStatus=Bool(false)"
    );
    let job = r#"{"action": "completed", "workflow_job": {"name": "j", "conclusion": "success", "run_attempt": 1,
        "created_at": "2024-01-01T00:00:00Z", "started_at": "2024-01-01T00:00:05Z", "completed_at": "2024-01-01T00:01:05Z"}}"#;
    let job = github("workflow_job", job).unwrap();
    assert!(job.contains("queue_time=Int(5000),run_time=Int(60000)"), "{job}");
    let run = github("workflow_run", r#"{"action": "requested", "workflow_run": {"id": 30433642, "run_attempt": 2}}"#)
        .unwrap();
    assert!(run.contains("run_id=Int(30433642)") && run.contains("run_attempt=Int(2)"), "{run}");
}

#[test]
fn artifactory_and_the_others() {
    let deployed = r#"{"domain": "artifact", "event_type": "deployed", "data": {"repo_key": "r", "path": "p", "name": "n",
        "size": 7, "sha256": "s"}}"#;
    assert_eq!(
        one(artifactory::event, deployed).unwrap(),
        "artifactory_webhooks,domain=artifact,event_type=deployed,name=n,path=p,repo=r sha256=Str(\"s\"),size=Int(7)"
    );
    let property = r#"{"domain": "artifact_property", "event_type": "added", "data": {"property_key": "k", "property_values": ["a", "b"]}}"#;
    assert!(one(artifactory::event, property).unwrap().ends_with("property_values=Str(\"a,b\")"));
    assert!(one(artifactory::event, r#"{"domain": "artifact", "event_type": "own"}"#).is_err());
    let filestack = one(services::filestack, r#"{"action": "fp.upload", "timestamp": 1443444905, "id": 102}"#).unwrap();
    assert_eq!(filestack, "filestack_webhooks,action=fp.upload id=Str(\"102\")");
    let particle = r#"{"event": "temp", "data": {"tags": {"id": "d1"}, "values": {"t": 21.5, "n": 3, "on": true, "l": []}},
        "published_at": "2024-05-06T07:08:09.000Z", "measurement": "air"}"#;
    let particle = one(services::particle, particle).unwrap();
    assert!(particle.starts_with("air,id=d1 ") && particle.split(',').count() == 4, "{particle}");
    for field in ["n=Float(3.0)", "on=Bool(true)", "t=Float(21.5)"] {
        assert!(particle.contains(field), "{particle}");
    }
    for wrong in [r#"{"event": "e", "data": "{}"}"#, r#"{"event": "e", "ttl": "60"}"#, r#"{"event": 5}"#, "[]"] {
        assert!(one(services::particle, wrong).is_err(), "{wrong}");
    }
    assert_eq!(one(services::particle, r#"{"data": {"values": {"a": 1}}}"#).unwrap(), " a=Float(1.0)");
    let occurrence = r#"{"event_name": "occurrence", "data": {"item": {"id": 1, "environment": "e", "project_id": 2},
        "occurrence": {"language": "python", "level": "error"}}}"#;
    assert_eq!(
        one(services::rollbar, occurrence).unwrap(),
        "rollbar_webhooks,environment=e,event=occurrence,language=python,level=error,project_id=2 id=Int(1)"
    );
    assert_eq!(one(services::rollbar, r#"{"event_name": "own"}"#).unwrap(), "");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let build = |own: fn(&mut Settings)| {
        let mut settings = Settings::default();
        own(&mut settings);
        Webhooks::new(settings, &Env::new("inputs.webhooks")).is_err()
    };
    assert!(build(|_| {}));
    assert!(build(|s| (s.github, s.service_address) = (place(), "udp://:1".to_owned())));
    assert!(build(|s| s.github = Some(Place { path: "x".to_owned(), ..Place::default() })));
    assert!(build(|s| {
        s.github = Some(Place { path: "/x".to_owned(), ..Place::default() });
        s.rollbar = s.github.clone();
    }));
}
