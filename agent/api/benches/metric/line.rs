//! The lines, the scanner and the writer that all candidates share.

/// From where to where in a block.
pub(crate) type Place = (usize, usize);

/// The time of all metrics, in nanoseconds since the Unix epoch: the lines have none of their own.
pub(crate) const TIME: i64 = 1_790_000_000_000_000_000;

/// Lines of three tags and four floats over so many series, cut at line ends into blocks.
pub(crate) fn blocks(lines: usize, series: usize, size: usize) -> Vec<String> {
    let (mut blocks, mut block, mut seed) = (Vec::new(), String::new(), 88_172_645_463_325_252u64);
    let mut number = |most: f64| {
        // Xorshift (Marsaglia 2003); the end is never 0, and no number is below 1, so that each stands in
        // the form in which the writer writes it.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        format!("{:.5}{}", (seed >> 11) as f64 / (1u64 << 53) as f64 * most + 1.0, seed % 9 + 1)
    };
    for i in 0..lines {
        let s = i % series;
        block.push_str(&format!(
            "cpu_load,host=server{s:06},rack=r{:03},region=eu-west-{} usage_user={},usage_system={},usage_idle={},usage_iowait={}\n",
            s % 500,
            s % 3,
            number(100.0),
            number(30.0),
            number(100.0),
            number(5.0)
        ));
        if block.len() >= size {
            block.shrink_to_fit();
            blocks.push(std::mem::take(&mut block));
        }
    }
    blocks.push(block);
    blocks
}

/// One line of a block.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    block: &'a str,
    /// Name and tags.
    pub(crate) head: Place,
    fields: Place,
}

/// The lines of a block, in the plain form that `blocks` makes.
pub(crate) fn lines(block: &str) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    memchr::memchr_iter(b'\n', block.as_bytes()).map(move |end| {
        let start = std::mem::replace(&mut at, end + 1);
        let blank = find(block, start, end, b' ');
        Line { block, head: (start, blank), fields: (blank + 1, end) }
    })
}

impl<'a> Line<'a> {
    pub(crate) fn name(self) -> Place {
        (self.head.0, find(self.block, self.head.0, self.head.1, b','))
    }

    pub(crate) fn tags(self) -> impl Iterator<Item = (Place, Place)> + 'a {
        pairs(self.block, (self.name().1 + 1, self.head.1))
    }

    pub(crate) fn fields(self) -> impl Iterator<Item = (Place, Place)> + 'a {
        pairs(self.block, self.fields)
    }
}

/// Keys and values of `key=value,key=value`.
pub(crate) fn pairs(block: &str, (from, to): Place) -> impl Iterator<Item = (Place, Place)> + '_ {
    let mut at = from;
    std::iter::from_fn(move || {
        if at >= to {
            return None;
        }
        let equals = find(block, at, to, b'=');
        let end = find(block, equals, to, b',');
        let key = (std::mem::replace(&mut at, end + 1), equals);
        Some((key, (equals + 1, end)))
    })
}

#[inline]
fn find(block: &str, from: usize, to: usize, byte: u8) -> usize {
    memchr::memchr(byte, &block.as_bytes()[from..to]).map_or(to, |i| from + i)
}

#[inline]
pub(crate) fn cut(block: &str, place: Place) -> &str {
    &block[place.0..place.1]
}

#[inline]
pub(crate) fn number(text: &str) -> f64 {
    fast_float2::parse(text).expect("the lines hold numbers")
}

/// What writes one line: first `head`, then each field, then `end`.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    separator: u8,
}

impl<'a> Writer<'a> {
    #[inline]
    pub(crate) fn head<'t>(
        name: &[u8],
        tags: impl Iterator<Item = (&'t [u8], &'t [u8])>,
        out: &'a mut Vec<u8>,
    ) -> Self {
        out.extend_from_slice(name);
        for (key, value) in tags {
            out.push(b',');
            out.extend_from_slice(key);
            out.push(b'=');
            out.extend_from_slice(value);
        }
        Writer { out, separator: b' ' }
    }

    #[inline]
    pub(crate) fn float(&mut self, key: &[u8], value: f64) {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        self.text(key, text.strip_suffix(".0").unwrap_or(text));
    }

    #[inline]
    pub(crate) fn text(&mut self, key: &[u8], value: &str) {
        self.out.push(std::mem::replace(&mut self.separator, b','));
        self.out.extend_from_slice(key);
        self.out.push(b'=');
        self.out.extend_from_slice(value.as_bytes());
    }

    #[inline]
    pub(crate) fn end(self, time: i64) {
        self.out.push(b' ');
        self.out.extend_from_slice(itoa::Buffer::new().format(time).as_bytes());
        self.out.push(b'\n');
    }
}

/// True if the lines written are those read, each with its time.
pub(crate) fn same(out: &[u8], blocks: &[String]) -> bool {
    let end = format!(" {TIME}");
    let written = out.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let read = blocks.iter().flat_map(|b| b.lines());
    written.map(|line| line.strip_suffix(end.as_bytes())).eq(read.map(|line| Some(line.as_bytes())))
}
