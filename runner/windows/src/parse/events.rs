//! Output of `wevtutil qe … /f:xml`: `<Event>` elements one after another, without a root.

use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// One event of a Windows log, as far as it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LogEvent {
    /// Who wrote it.
    pub(crate) provider: String,
    /// Its number; means something only together with the provider.
    pub(crate) id: u32,
    /// Its place in the log.
    pub(crate) record: u64,
    /// When it was written, by the guest's clock.
    pub(crate) time: Option<Timestamp>,
    /// Its data by name; unnamed data has an empty name.
    pub(crate) data: Vec<(String, String)>,
}

impl LogEvent {
    /// The first value of this name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.data.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim())
    }

    /// Whether it is this event of this provider.
    pub(crate) fn is(&self, provider: &str, id: u32) -> bool {
        self.id == id && self.provider == provider
    }
}

/// More events than any query of ours asks for.
const MOST: usize = 4096;

/// Where the text that comes next belongs.
enum Field {
    Nothing,
    Id,
    Record,
    Data(String),
}

/// Reads all events.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn events(xml: &str) -> Result<Vec<LogEvent>, String> {
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}'));
    let mut all = Vec::new();
    let mut current: Option<LogEvent> = None;
    let mut field = Field::Nothing;
    let mut text = String::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => {
                if tag.local_name().as_ref() == b"Event" {
                    current = Some(LogEvent::default());
                } else if let Some(event) = &mut current {
                    note_attributes(event, &tag);
                }
                field = field_of(&tag);
                text.clear();
            }
            Event::Empty(tag) => {
                if let Some(event) = &mut current {
                    note_attributes(event, &tag);
                    if let Field::Data(name) = field_of(&tag) {
                        event.data.push((name, String::new()));
                    }
                }
            }
            Event::Text(part) => text.push_str(&part.decode().map_err(|error| error.to_string())?),
            Event::CData(part) => text.push_str(&part.decode().map_err(|error| error.to_string())?),
            Event::GeneralRef(part) => text.push(resolved(&part)),
            Event::End(tag) => {
                if let Some(event) = &mut current {
                    match std::mem::replace(&mut field, Field::Nothing) {
                        Field::Nothing => {}
                        Field::Id => event.id = number(&text, "EventID")?,
                        Field::Record => event.record = number(&text, "EventRecordID")?,
                        Field::Data(name) => event.data.push((name, std::mem::take(&mut text))),
                    }
                }
                if tag.local_name().as_ref() == b"Event" {
                    all.extend(current.take());
                    if all.len() > MOST {
                        return Err(format!("more than {MOST} events"));
                    }
                }
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof if current.is_some() => return Err("the last event is cut off".to_owned()),
            Event::Eof => return Ok(all),
        }
    }
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("{what} is no number"))
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    let raw = String::from_utf8_lossy(&attribute.value).into_owned();
    Some(quick_xml::escape::unescape(&raw).map_or_else(|_| raw.clone(), std::borrow::Cow::into_owned))
}

fn note_attributes(event: &mut LogEvent, tag: &BytesStart<'_>) {
    match tag.local_name().as_ref() {
        b"Provider" => event.provider = attribute(tag, "Name").unwrap_or_default(),
        b"TimeCreated" => event.time = attribute(tag, "SystemTime").and_then(|text| text.parse().ok()),
        _ => {}
    }
}

fn field_of(tag: &BytesStart<'_>) -> Field {
    match tag.local_name().as_ref() {
        b"EventID" => Field::Id,
        b"EventRecordID" => Field::Record,
        b"Data" => Field::Data(attribute(tag, "Name").unwrap_or_default()),
        _ => Field::Nothing,
    }
}

fn resolved(reference: &BytesRef<'_>) -> char {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c;
    }
    match reference.as_ref() {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TWO: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider \
        Name='Microsoft-Windows-WER-SystemErrorReporting' Guid='{ABCE23E7-DE45-4366-8631-84FA6C525952}' \
        EventSourceName='BugCheck'/><EventID Qualifiers='16384'>1001</EventID><Version>0</Version><Level>2</Level>\
        <TimeCreated SystemTime='2012-04-06T14:07:52.0000000Z'/><EventRecordID>13423</EventRecordID>\
        <Correlation/><Channel>System</Channel><Computer>A&amp;B</Computer><Security/></System><EventData>\
        <Data Name='param1'>0x0000009f (0x0000000000000003, 0xffffc48b44b3c3a0, 0x1, 0x2)</Data>\
        <Data Name='param2'>C:\\Windows\\MEMORY.DMP &lt;&#x41;&gt;</Data><Data Name='param3'/></EventData></Event>\n\
        <Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\">\n  <System>\n    <Provider Name=\"EventLog\" />\n    \
        <EventID>6008</EventID>\n    <TimeCreated SystemTime=\"2012-04-06T14:07:44.000000000Z\" />\n    \
        <EventRecordID>13388</EventRecordID>\n  </System>\n  <EventData>\n    <Data>7:06:12</Data>\n    <Data></Data>\n    \
        <Binary>DC07</Binary>\n  </EventData>\n</Event>\n";

    #[test]
    fn events_are_read() {
        let all = events(TWO).unwrap();
        assert_eq!(all.len(), 2);
        assert!(all[0].is("Microsoft-Windows-WER-SystemErrorReporting", 1001));
        assert_eq!(all[0].record, 13423);
        assert_eq!(all[0].time.unwrap().as_second(), 1_333_721_272);
        assert_eq!(all[0].value("param2"), Some("C:\\Windows\\MEMORY.DMP <A>"));
        assert_eq!(all[0].value("param3"), Some(""));
        assert!(all[1].is("EventLog", 6008));
        assert_eq!(all[1].data, [(String::new(), "7:06:12".to_owned()), (String::new(), String::new())]);
    }

    #[test]
    fn what_is_no_log_is_refused() {
        assert_eq!(events("").unwrap(), []);
        assert!(events("<Event><System>").is_err());
        assert!(events("<Event><EventID>many</EventID></Event>").is_err());
        assert!(events("<Event></System></Event>").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(xml in any::<String>()) {
            let _ = events(&xml);
        }

        #[test]
        fn never_panics_when_damaged(at in 0..TWO.len(), length in 0_usize..40, by in ".{0,4}") {
            let end = (at + length).min(TWO.len());
            let damaged = format!("{}{by}{}", &TWO[..at], &TWO[end..]);
            let _ = events(&damaged);
        }
    }
}
