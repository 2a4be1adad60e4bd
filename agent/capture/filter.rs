//! Classic BPF (McCanne and Jacobson 1993): programs that say of a packet whether it is wanted.
//!
//! The kernel runs them for live captures; for files they run here. A program is checked when it is made (places of jumps, divisors, the
//! return at the end), and jumps only go forward, so every run ends. What reads beyond the packet ends the program with "no".

/// One step of a program, laid out as the kernel (`struct sock_filter`) and libpcap (`struct bpf_insn`) know it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// Steps to leave out if a comparison holds.
    pub jt: u8,
    /// Steps to leave out if it does not.
    pub jf: u8,
    /// The constant.
    pub k: u32,
}

/// A program that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Vec<Instruction>);

/// Steps of a program at most, as in the kernel.
const MAX_STEPS: usize = 4096;
/// Words of memory.
const WORDS: usize = 16;

impl Filter {
    /// Checks a program.
    ///
    /// # Errors
    /// It is empty or too long, jumps out of itself, does not end with a return, or has a step that is not known.
    pub fn new(steps: Vec<Instruction>) -> Result<Self, String> {
        if steps.is_empty() || steps.len() > MAX_STEPS {
            return Err(format!("a filter of {} steps", steps.len()));
        }
        for (at, step) in steps.iter().enumerate() {
            let left = steps.len() - at - 1;
            let fits = match step.code & 7 {
                // Memory has so many words.
                0 | 1 if step.code & 0xe0 == 0x60 => (step.k as usize) < WORDS,
                0 | 1 => matches!(step.code & 0xe0, 0x00 | 0x20 | 0x40 | 0x80 | 0xa0),
                2 | 3 => (step.k as usize) < WORDS,
                4 => match step.code & 0xf0 {
                    // Division by a constant 0, and shifts by more than there is.
                    0x30 | 0x90 if step.code & 8 == 0 => step.k != 0,
                    operation => operation <= 0xa0,
                },
                5 if step.code & 0xf0 == 0 => (step.k as usize) < left,
                5 => step.code & 0xf0 <= 0x40 && (step.jt.max(step.jf) as usize) < left,
                _ => true,
            };
            if !fits {
                return Err(format!(
                    "step {at} of the filter cannot be: {} {} {} {}",
                    step.code, step.jt, step.jf, step.k
                ));
            }
        }
        match steps.last() {
            Some(last) if last.code & 7 == 6 => Ok(Self(steps)),
            _ => Err("the filter does not end with a return".to_owned()),
        }
    }

    /// Reads what `tcpdump -ddd` prints: the number of steps, then four numbers for each; commas may stand in place of line ends.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty());
        let count: usize = lines.next().and_then(|n| n.parse().ok()).ok_or("the number of steps is missing")?;
        let step = |line: &str| -> Option<Instruction> {
            let numbers: Vec<u32> = line.split_whitespace().map(|n| n.parse().ok()).collect::<Option<_>>()?;
            let [code, jt, jf, k] = numbers.try_into().ok()?;
            Some(Instruction { code: code.try_into().ok()?, jt: jt.try_into().ok()?, jf: jf.try_into().ok()?, k })
        };
        let steps: Vec<Instruction> =
            lines.map(|line| step(line).ok_or_else(|| format!("{line:.60?} is no step"))).collect::<Result<_, _>>()?;
        if steps.len() != count {
            return Err(format!("{count} steps are announced, {} are there", steps.len()));
        }
        Self::new(steps)
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Instruction] {
        &self.0
    }

    /// True if the packet is wanted. `wire` is its length before the capture cut it.
    #[must_use]
    pub fn wants(&self, packet: &[u8], wire: u32) -> bool {
        self.run(packet, wire).unwrap_or(0) != 0
    }

    /// What the program returns; none if it reads what is not there.
    fn run(&self, packet: &[u8], wire: u32) -> Option<u32> {
        let (mut a, mut x, mut memory, mut at) = (0u32, 0u32, [0u32; WORDS], 0usize);
        loop {
            let step = self.0.get(at)?;
            at += 1;
            let Instruction { code, k, .. } = *step;
            let word = |place: usize| memory.get(place).copied();
            match code & 7 {
                0 => {
                    a = match code & 0xe0 {
                        0x00 => k,
                        0x20 => load(packet, u64::from(k), code)?,
                        0x40 => load(packet, u64::from(k) + u64::from(x), code)?,
                        0x60 => word(k as usize)?,
                        0x80 => wire,
                        _ => return None,
                    }
                }
                1 => {
                    x = match code & 0xe0 {
                        0x00 => k,
                        0x60 => word(k as usize)?,
                        0x80 => wire,
                        // The length of an IPv4 header.
                        0xa0 => (load(packet, u64::from(k), 0x10)? & 15) << 2,
                        _ => return None,
                    }
                }
                2 => *memory.get_mut(k as usize)? = a,
                3 => *memory.get_mut(k as usize)? = x,
                4 => a = calculate(code & 0xf0, a, if code & 8 == 0 { k } else { x })?,
                5 => {
                    let b = if code & 8 == 0 { k } else { x };
                    let holds = match code & 0xf0 {
                        0x00 => {
                            at += k as usize;
                            continue;
                        }
                        0x10 => a == b,
                        0x20 => a > b,
                        0x30 => a >= b,
                        0x40 => a & b != 0,
                        _ => return None,
                    };
                    at += usize::from(if holds { step.jt } else { step.jf });
                }
                6 => return Some(if code & 0x18 == 0x10 { a } else { k }),
                _ => {
                    if code & 0xf8 == 0 {
                        x = a;
                    } else {
                        a = x;
                    }
                }
            }
        }
    }
}

/// One, two or four bytes in the order of the network.
fn load(packet: &[u8], place: u64, size: u16) -> Option<u32> {
    let rest = packet.get(usize::try_from(place).ok()?..)?;
    match size & 0x18 {
        0x00 => rest.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)),
        0x08 => rest.first_chunk().map(|bytes| u32::from(u16::from_be_bytes(*bytes))),
        _ => rest.first().map(|byte| u32::from(*byte)),
    }
}

fn calculate(operation: u16, a: u32, b: u32) -> Option<u32> {
    Some(match operation {
        0x00 => a.wrapping_add(b),
        0x10 => a.wrapping_sub(b),
        0x20 => a.wrapping_mul(b),
        0x30 => a.checked_div(b)?,
        0x40 => a | b,
        0x50 => a & b,
        0x60 => a.checked_shl(b).unwrap_or(0),
        0x70 => a.checked_shr(b).unwrap_or(0),
        0x80 => a.wrapping_neg(),
        0x90 => a.checked_rem(b)?,
        0xa0 => a ^ b,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `tcpdump -ddd "tcp dst port 443"` prints for Ethernet.
    const PORT: &str = "16\n40 0 0 12\n21 0 4 34525\n48 0 0 20\n21 0 11 6\n40 0 0 56\n21 8 9 443\n21 0 8 2048\n48 0 0 23\n21 0 6 6\n\
                        40 0 0 20\n69 4 0 8191\n177 0 0 14\n72 0 0 16\n21 0 1 443\n6 0 0 262144\n6 0 0 0\n";

    fn tcp(port: u16) -> Vec<u8> {
        let mut frame = vec![0; 60];
        (frame[12], frame[13], frame[14], frame[23]) = (8, 0, 0x46, 6);
        frame[40..42].copy_from_slice(&port.to_be_bytes());
        frame
    }

    #[test]
    fn a_port_behind_options() {
        let filter = Filter::parse(&PORT.replace('\n', ", ")).expect("a filter");
        assert_eq!(Filter::parse(PORT), Ok(filter.clone()));
        assert!(filter.wants(&tcp(443), 60));
        assert!(!filter.wants(&tcp(444), 60));
        let mut six = vec![0; 80];
        (six[12], six[13], six[20], six[56], six[57]) = (0x86, 0xdd, 6, 1, 187);
        assert!(filter.wants(&six, 80));
        assert!(!filter.wants(&tcp(443)[..41], 60), "what reads beyond the packet does not want it");
    }

    #[test]
    fn arithmetic() {
        let run = |steps: &[(u16, u32)]| {
            let steps = steps.iter().map(|(code, k)| Instruction { code: *code, jt: 0, jf: 0, k: *k }).collect();
            Filter::new(steps).expect("a filter").run(&[1, 2, 3, 4, 5], 99)
        };
        assert_eq!(run(&[(0x20, 1), (0x16, 0)]), Some(0x0203_0405));
        assert_eq!(run(&[(0x20, 2), (0x16, 0)]), None);
        assert_eq!(run(&[(0x80, 0), (0x04, 1), (0x34, 10), (0x16, 0)]), Some(10));
        assert_eq!(run(&[(0x00, 7), (0x02, 3), (0x61, 3), (0x87, 0), (0x24, 3), (0x16, 0)]), Some(21));
        assert_eq!(run(&[(0x00, 7), (0x3c, 0), (0x16, 0)]), None, "division by an x of 0");
        assert_eq!(run(&[(0x00, 1), (0x64, 40), (0x16, 0)]), Some(0));
        assert_eq!(run(&[(0xb1, 1), (0x87, 0), (0x16, 0)]), Some(8));
    }

    #[test]
    fn what_cannot_be() {
        for (text, why) in [
            ("", "number"),
            ("1,6 0 0", "no step"),
            ("2,6 0 0 0", "announced"),
            ("1,5 0 0 1", "step 0"),
            ("2,21 1 0 5,6 0 0 0", "step 0"),
            ("1,2 0 0 0", "return"),
            ("2,2 0 0 16,6 0 0 0", "step 0"),
            ("2,52 0 0 0,6 0 0 0", "step 0"),
        ] {
            let error = Filter::parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(Filter::new(vec![Instruction { code: 6, jt: 0, jf: 0, k: 0 }; 5000]).is_err());
    }
}
