//! Suites to XML: `junit-report` writes, a pass with `quick-xml` adds what that crate cannot say.
//!
//! The n-th `<testsuite>` and `<testcase>` tag of its output belongs to the n-th suite and case given. The pass proves
//! that by names and counts; guest text that managed to forge a case would break the alignment and stop the report.

use coexist_model::Seconds;
use junit_report::{Duration, OffsetDateTime, TestCase, TestResult, TestSuite};
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};
use quick_xml::{Reader, Writer, XmlVersion};

use super::{Case, CaseResult, Dialect, Suite, Told, Totals};
use crate::{ReportError, text};

/// Renders one file.
pub(super) fn document(name: &str, suites: &[Suite], dialect: Dialect) -> Result<String, ReportError> {
    let mut report = junit_report::Report::new();
    report.add_testsuites(suites.iter().map(suite_model));
    let mut plain = Vec::new();
    report.write_xml(&mut plain).map_err(ReportError::Junit)?;
    let plain = String::from_utf8(plain).map_err(|_| misaligned("it is not UTF-8"))?;
    let mut rich =
        Pass { name, suites, dialect, suite: 0, case: 0, writer: Writer::new_with_indent(Vec::new(), b' ', 2) };
    rich.run(&plain)?;
    let mut bytes = rich.writer.into_inner();
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|_| misaligned("it is not UTF-8"))
}

fn misaligned(what: impl Into<String>) -> ReportError {
    ReportError::Misaligned(what.into())
}

fn suite_model(suite: &Suite) -> TestSuite {
    let mut model = TestSuite::new(&text::line(&suite.name));
    // Jenkins names a suite `package.name` where there is a package.
    model.package = String::new();
    model.hostname = text::line(&suite.hostname);
    // Written anew by the pass; the crate panics on years that RFC 3339 does not know.
    model.timestamp = OffsetDateTime::UNIX_EPOCH;
    let name = model.name.clone();
    model.add_testcases(suite.cases.iter().map(|case| case_model(case, &name)));
    model
}

fn case_model(case: &Case, classname: &str) -> TestCase {
    // Written anew by the pass as well; here a sum of large times would panic.
    let mut model = TestCase::success(&text::line(&case.name), Duration::ZERO);
    model.set_classname(classname);
    model.result = match &case.result {
        CaseResult::Passed => TestResult::Success,
        CaseResult::Failure(told) => {
            let (type_, message, cause) = parts(told);
            TestResult::Failure { type_, message, cause }
        }
        CaseResult::Error(told) => {
            let (type_, message, cause) = parts(told);
            TestResult::Error { type_, message, cause }
        }
        CaseResult::Skipped(told) => {
            let (type_, message, cause) = parts(told);
            TestResult::SkippedWithCause { type_, message, cause }
        }
    };
    model.system_out = output(case);
    model
}

/// Type, message, body. GitLab shows the body alone, so the message is its first line.
fn parts(told: &Told) -> (String, String, Option<String>) {
    let message = text::line(&told.message);
    let body = match told.details.trim_end() {
        "" => message.clone(),
        details => text::body(format!("{message}\n{details}")),
    };
    (text::line(&told.kind), message, Some(body))
}

/// Attachment lines come first: Jenkins cuts long output in its middle. They are made of checked paths and stay outside
/// the sanitiser, which breaks such lines in foreign text.
fn output(case: &Case) -> Option<String> {
    let mut lines: Vec<_> = case.attachments.iter().map(|path| format!("[[ATTACHMENT|{path}]]")).collect();
    lines.extend(case.output.as_ref().map(text::body));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The pass over what `junit-report` wrote.
struct Pass<'a> {
    name: &'a str,
    suites: &'a [Suite],
    dialect: Dialect,
    /// Suites begun.
    suite: usize,
    /// Cases begun in the current suite.
    case: usize,
    writer: Writer<Vec<u8>>,
}

impl<'a> Pass<'a> {
    fn run(&mut self, plain: &str) -> Result<(), ReportError> {
        let mut reader = Reader::from_str(plain);
        loop {
            match reader.read_event().map_err(ReportError::Xml)? {
                Event::Eof => break,
                Event::Decl(_) => self.put(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?,
                Event::Start(tag) => self.open(&tag, false)?,
                Event::Empty(tag) => self.open(&tag, true)?,
                Event::End(tag) => {
                    if tag.name().as_ref() == b"testsuite" {
                        self.close_suite()?;
                    }
                    self.put(Event::End(tag))?;
                }
                event @ (Event::CData(_) | Event::Text(_)) => self.put(event)?,
                other => return Err(misaligned(format!("an unexpected part: {other:?}"))),
            }
        }
        if self.suite != self.suites.len() {
            return Err(misaligned(format!("{} suites instead of {}", self.suite, self.suites.len())));
        }
        Ok(())
    }

    fn put(&mut self, event: Event<'_>) -> Result<(), ReportError> {
        self.writer.write_event(event).map_err(|error| ReportError::Xml(error.into()))
    }

    fn open(&mut self, tag: &BytesStart<'_>, empty: bool) -> Result<(), ReportError> {
        let (rich, properties) = match tag.name().as_ref() {
            b"testsuites" => (self.root(), &[][..]),
            b"testsuite" => {
                let suite = self.next_suite(tag)?;
                if empty && !suite.cases.is_empty() {
                    return Err(misaligned("a suite without its cases"));
                }
                (suite_tag(self.suite - 1, suite), &suite.properties[..])
            }
            b"testcase" => {
                let (suite, case) = self.next_case(tag)?;
                match self.dialect {
                    Dialect::Rich => (case_tag(suite, case, self.dialect), &case.properties[..]),
                    Dialect::Strict => (case_tag(suite, case, self.dialect), &[][..]),
                }
            }
            _ => (tag.to_owned(), &[][..]),
        };
        if properties.is_empty() {
            return self.put(if empty { Event::Empty(rich) } else { Event::Start(rich) });
        }
        let end = rich.to_end().into_owned();
        self.put(Event::Start(rich))?;
        self.properties(properties)?;
        if empty { self.put(Event::End(end)) } else { Ok(()) }
    }

    fn root(&self) -> BytesStart<'static> {
        let totals = self.suites.iter().map(Suite::totals).fold(Totals::default(), Totals::plus);
        let time: Seconds = self.suites.iter().map(Suite::time).sum();
        let mut tag = BytesStart::new("testsuites");
        tag.push_attribute(("name", text::line(self.name).as_str()));
        push_totals(&mut tag, totals, self.dialect == Dialect::Rich);
        tag.push_attribute(("time", time.to_string().as_str()));
        tag
    }

    fn next_suite(&mut self, tag: &BytesStart<'_>) -> Result<&'a Suite, ReportError> {
        let suite = self.suites.get(self.suite).ok_or_else(|| misaligned("a suite too many"))?;
        let totals = suite.totals();
        same(tag, "name", &text::line(&suite.name))?;
        same(tag, "tests", &totals.tests.to_string())?;
        same(tag, "failures", &totals.failures.to_string())?;
        same(tag, "errors", &totals.errors.to_string())?;
        self.suite += 1;
        self.case = 0;
        Ok(suite)
    }

    fn next_case(&mut self, tag: &BytesStart<'_>) -> Result<(&'a Suite, &'a Case), ReportError> {
        let suite = self.suite.checked_sub(1).and_then(|index| self.suites.get(index));
        let suite = suite.ok_or_else(|| misaligned("a case outside a suite"))?;
        let case = suite.cases.get(self.case).ok_or_else(|| misaligned("a case too many"))?;
        same(tag, "name", &text::line(&case.name))?;
        self.case += 1;
        Ok((suite, case))
    }

    fn close_suite(&self) -> Result<(), ReportError> {
        let planned = self.suite.checked_sub(1).and_then(|index| self.suites.get(index)).map(|it| it.cases.len());
        if planned == Some(self.case) {
            Ok(())
        } else {
            Err(misaligned(format!("{} cases instead of {planned:?}", self.case)))
        }
    }

    fn properties(&mut self, list: &[(String, String)]) -> Result<(), ReportError> {
        self.put(Event::Start(BytesStart::new("properties")))?;
        for (name, value) in list {
            let mut tag = BytesStart::new("property");
            tag.push_attribute(("name", text::line(name).as_str()));
            tag.push_attribute(("value", text::line(value).as_str()));
            self.put(Event::Empty(tag))?;
        }
        self.put(Event::End(BytesEnd::new("properties")))
    }
}

fn same(tag: &BytesStart<'_>, name: &str, expected: &str) -> Result<(), ReportError> {
    let found = tag.try_get_attribute(name).map_err(|error| ReportError::Xml(error.into()))?;
    let found = found.map(|it| it.normalized_value(XmlVersion::Explicit1_0)).transpose().map_err(ReportError::Xml)?;
    if found.as_deref() == Some(expected) {
        Ok(())
    } else {
        Err(misaligned(format!("attribute {name} is {found:?} instead of {expected:?}")))
    }
}

fn push_totals(tag: &mut BytesStart<'_>, totals: Totals, with_skipped: bool) {
    tag.push_attribute(("tests", totals.tests.to_string().as_str()));
    tag.push_attribute(("failures", totals.failures.to_string().as_str()));
    tag.push_attribute(("errors", totals.errors.to_string().as_str()));
    if with_skipped {
        tag.push_attribute(("skipped", totals.skipped.to_string().as_str()));
    }
}

fn suite_tag(id: usize, suite: &Suite) -> BytesStart<'static> {
    let mut tag = BytesStart::new("testsuite");
    tag.push_attribute(("id", id.to_string().as_str()));
    tag.push_attribute(("name", text::line(&suite.name).as_str()));
    tag.push_attribute(("package", ""));
    push_totals(&mut tag, suite.totals(), true);
    tag.push_attribute(("hostname", text::line(&suite.hostname).as_str()));
    tag.push_attribute(("timestamp", whole_seconds(suite.timestamp).as_str()));
    tag.push_attribute(("time", suite.time().to_string().as_str()));
    tag
}

fn case_tag(suite: &Suite, case: &Case, dialect: Dialect) -> BytesStart<'static> {
    let mut tag = BytesStart::new("testcase");
    tag.push_attribute(("name", text::line(&case.name).as_str()));
    tag.push_attribute(("classname", text::line(&suite.name).as_str()));
    if dialect == Dialect::Rich {
        tag.push_attribute(("file", text::line(&case.file).as_str()));
        if let Some(line) = case.line {
            tag.push_attribute(("line", line.to_string().as_str()));
        }
        if let Some(timestamp) = case.timestamp {
            tag.push_attribute(("timestamp", whole_seconds(timestamp).as_str()));
        }
    }
    tag.push_attribute(("time", case.time.to_string().as_str()));
    tag
}

/// RFC 3339 in UTC without a fraction, which some readers do not take.
fn whole_seconds(at: jiff::Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}
