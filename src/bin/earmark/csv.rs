//! Reading comma-separated values (RFC 4180): quotes, doubled quotes, line breaks inside quotes.

/// The records of a text, each with the line it begins on.
pub fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let mut records = Vec::new();
    let mut record = Vec::new();
    let mut field = String::new();
    let (mut line, mut begun) = (1, 1);
    let mut quoted = false;
    let mut chars = text.strip_prefix('\u{FEFF}').unwrap_or(text).chars().peekable();
    while let Some(c) = chars.next() {
        line += usize::from(c == '\n');
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                let full = std::mem::take(&mut record);
                if full.iter().any(|field| !field.is_empty()) {
                    records.push((begun, full));
                }
                begun = line;
            }
            c => field.push(c),
        }
    }
    if quoted {
        return Err(format!("line {begun}: a quote is never closed"));
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push((begun, record));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_line_breaks() {
        let read = records("a,b\r\n\"x, \"\"y\"\"\",\"two\nlines\"\n\nlast,").unwrap();
        let fields = |record: &[&str]| record.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
        assert_eq!(read, [(1, fields(&["a", "b"])), (2, fields(&["x, \"y\"", "two\nlines"])), (5, fields(&["last", ""])),]);
        assert!(records("a,\"b").is_err());
    }
}
