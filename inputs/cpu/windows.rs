//! The processors of Windows, named and summed up as Linux has them.

use super::proc_stat::{self, Times};
use agent_api::{Context, Result};

/// Name and times of each processor, and of all together.
pub(super) fn read() -> Result<Vec<(String, Times)>> {
    let single = agent_windows::processors().context("ask for the times of the processors")?;
    Ok(named(&single))
}

fn named(single: &[agent_windows::Times]) -> Vec<(String, Times)> {
    let mut sum = Times::default();
    let mut all = Vec::with_capacity(single.len() + 1);
    for (number, times) in single.iter().enumerate() {
        let times = proc_stat::times(times.user, times.system, times.idle, times.interrupt);
        sum.iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
        all.push((format!("cpu{number}"), times));
    }
    all.insert(0, ("cpu".to_owned(), sum));
    all
}

#[cfg(test)]
mod tests {
    use super::super::proc_stat::{active, total};
    use super::*;

    #[test]
    fn the_sum_is_that_of_all() {
        let one = agent_windows::Times { user: 1.0, system: 2.0, idle: 4.0, interrupt: 0.5 };
        let all = named(&[one, one]);
        assert_eq!(all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["cpu", "cpu0", "cpu1"]);
        assert_eq!((total(&all[1].1), active(&all[1].1)), (7.5, 3.5));
        assert_eq!(total(&all[0].1), 15.0);
    }
}
