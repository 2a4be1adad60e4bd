//! Reloads that nobody asks for: files that change, an address with a new date, a configuration that does not work.

use crate::agent::{self, Agent};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

fn config(port: u16, output: &str) -> String {
    format!(
        "[agent]\n omit_hostname = true\n flush_interval = \"50ms\"\n reload_guard = \"300ms\"\n\
         [[inputs.influxdb_listener]]\n service_address = \"127.0.0.1:{port}\"\n{output}"
    )
}

fn to_file(name: &str) -> String {
    format!("[[outputs.file]]\n files = [\"{name}\"]\n")
}

#[test]
fn a_file_that_changes_is_taken_by_notice_and_by_looking() {
    for how in ["notify", "poll"] {
        let port = agent::free_port();
        let flags = ["--watch-config", how, "--watch-interval", "50ms"];
        let mut agent = Agent::start_with(how, &config(port, &to_file("a")), port, &flags);
        agent.write(&config(port, &to_file("b")));
        agent.reloaded().expect("the configuration is good");
        agent.write(&config(port, "[[outputs.fil]]\n"));
        let error = agent.reloaded().expect_err("the configuration is bad");
        assert!(error.contains("did you mean \"file\"?"), "{error}");
        agent.stop();
        assert!(agent.file("b").exists());
    }
}

#[test]
fn a_new_date_at_an_address_is_seen() {
    let port = agent::free_port();
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}/more.conf", server.local_addr().expect("it is bound"));
    let page = Arc::new(Mutex::new((to_file("a"), 1)));
    let serving = page.clone();
    std::thread::spawn(move || {
        for mut connection in server.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let n = connection.read(&mut head).unwrap_or(0);
            let (text, date) = serving.lock().expect("one at a time").clone();
            let body = if head[..n].starts_with(b"HEAD") { "" } else { &*text };
            let answer = format!(
                "HTTP/1.1 200 OK\r\nlast-modified: Sat, 21 Nov 2026 00:00:0{date} GMT\r\ncontent-length: {}\r\n\
                 connection: close\r\n\r\n{body}",
                text.len()
            );
            // A client that goes away is no fault of the server.
            let _gone = connection.write_all(answer.as_bytes());
        }
    });
    let flags = ["--config", &*address, "--config-url-watch-interval", "50ms"];
    let mut agent = Agent::start_with("address", &config(port, ""), port, &flags);
    // The first date is what is compared with.
    std::thread::sleep(std::time::Duration::from_millis(500));
    *page.lock().expect("one at a time") = (to_file("b"), 2);
    agent.reloaded().expect("the configuration is good");
    agent.stop();
    assert!(agent.file("b").exists());
}

#[test]
fn the_guard_goes_back_to_what_worked() {
    let (port, dead) = (agent::free_port(), agent::free_port());
    let mut agent = Agent::start("guard", &config(port, &to_file("a")), port);
    let to_nobody = format!("[[outputs.http]]\n url = \"http://127.0.0.1:{dead}/\"\n");
    agent.reload(&config(port, &to_nobody)).expect("it can be started");
    let clients = crate::client::Clients::start(port, 1, 10);
    agent.says("outputs.http failed for 300ms after the reload");
    agent.says("the configuration before the reload is in use again");
    assert_eq!(clients.stop().broken, Vec::<String>::new());
    agent.stop();
}
