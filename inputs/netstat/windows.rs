//! The sockets of Windows, each as it stands in its tables.

use super::Counts;
use super::tables::State;
use agent_windows::Connection;

/// Counts by state.
pub(super) fn count(all: &[Connection]) -> Counts {
    let mut counts = Counts::default();
    for state in all.iter().filter_map(|one| one.state.map_or(Some(State::Datagram), of_tcp)) {
        counts[state as usize] += 1;
    }
    counts
}

/// The state of a number of `MIB_TCP_STATE`. The last there is, 12, is of connections that are gone, which nobody counts.
fn of_tcp(number: u32) -> Option<State> {
    use State::*;
    let all = [Close, Listen, SynSent, SynRecv, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait];
    all.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_count_by_their_state() {
        let at = "127.0.0.1:1".parse().unwrap();
        let of = |state| Connection { state, local: at, remote: None, pid: 1 };
        let counts = count(&[of(Some(2)), of(Some(5)), of(Some(5)), of(Some(11)), of(Some(12)), of(Some(0)), of(None)]);
        let told: Vec<_> =
            State::FIELDS.iter().zip(counts).filter(|c| c.1 > 0).map(|c| format!("{}={}", c.0, c.1)).collect();
        assert_eq!(told, ["tcp_established=2", "tcp_time_wait=1", "tcp_listen=1", "udp_socket=1"]);
    }
}
