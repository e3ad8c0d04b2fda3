//! spec/cli/ctl.md · 3.1.3, 4.1 (basic error handling)
//!
//! The cards of a roster: a page that a browser prints, or a table. A page loads nothing, and what
//! is in it of others is escaped.

use crate::admin::model::CodeSummary;
use crate::admin::roster::RosterSummary;
use crate::cli::output::cell;
use crate::cli::table::moment;
use crate::model::Timestamp;
use crate::model::printable::clean;
use std::fmt::Write;

/// Cards on a sheet.
const CARDS_A_SHEET: usize = 10;

/// What stands before the sheets. A sheet is a page of A4, two cards wide and five high; the marks
/// at the corners of each card show where to cut.
const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Cards</title>
<style>
@page { size: A4; margin: 0 }
* { box-sizing: border-box; margin: 0; padding: 0 }
body { font: 11pt/1.25 sans-serif; color: #000; background: #fff }
.sheet { width: 210mm; height: 296.5mm; display: grid; grid-template: repeat(5, 59.3mm) / 105mm 105mm; break-after: page; overflow: hidden }
.sheet:last-child { break-after: auto }
.card { position: relative; padding: 5mm 7mm; overflow: hidden; overflow-wrap: anywhere }
.card i { position: absolute; width: 4mm; height: 4mm; border: 0 solid #777 }
.card i:nth-of-type(1) { top: 0; left: 0; border-width: .3mm 0 0 .3mm }
.card i:nth-of-type(2) { top: 0; right: 0; border-width: .3mm .3mm 0 0 }
.card i:nth-of-type(3) { bottom: 0; left: 0; border-width: 0 0 .3mm .3mm }
.card i:nth-of-type(4) { bottom: 0; right: 0; border-width: 0 .3mm .3mm 0 }
h2 { font-size: 12pt; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden }
.user { font-size: 15pt; font-weight: bold }
.label { font-size: 8.5pt }
.code { font: bold 14pt/1.5 monospace; white-space: nowrap }
li { margin-left: 5mm; font-size: 9.5pt }
kbd { font-family: monospace }
kbd span { display: inline-block; max-width: 100% }
small { font-size: 8.5pt }
</style></head><body>
"#;

/// The page of the cards. `names` has each account's name for the card; it may be empty.
pub(super) fn html(roster: &RosterSummary, names: &[String]) -> String {
    let mut out = HEAD.to_owned();
    let people: Vec<(&CodeSummary, &str, &str)> = people(roster, names).collect();
    for sheet in people.chunks(CARDS_A_SHEET) {
        out.push_str("<div class=\"sheet\">\n");
        for (account, name, server) in sheet {
            card(&mut out, &roster.deployment, server, account, name);
        }
        out.push_str("</div>\n");
    }
    out.push_str("</body></html>\n");
    out
}

fn card(out: &mut String, deployment: &str, server: &str, account: &CodeSummary, name: &str) {
    let (user, server) = (escaped(&account.user), escaped(server));
    // A browser would break a line behind a hyphen, and a shell takes half a word.
    let command = |rest: &str| {
        let option = match server.as_str() {
            "" => String::new(),
            server => format!(" --server {server}"),
        };
        let line = format!("papertrader{option} {rest} {user}");
        let words: Vec<String> = line
            .split(' ')
            .map(|word| format!("<span>{word}</span>"))
            .collect();
        words.join(" ")
    };
    let (reset, login) = (command("password reset"), command("login"));
    let name = match escaped(name) {
        name if name.is_empty() => name,
        name => format!(" · {name}"),
    };
    let _ = write!(
        out,
        "<div class=\"card\"><i></i><i></i><i></i><i></i>
<h2>{}{name}</h2><p>{server}</p>
<p class=\"label\">username</p><p class=\"user\">{user}</p>
<p class=\"label\">code</p><p class=\"code\">{}</p>
<ol><li><kbd>{reset}</kbd><br>Type the code, and choose a password.</li>
<li><kbd>{login}</kbd></li></ol>
<small>The code works once, until {} UTC.</small></div>\n",
        escaped(deployment),
        escaped(&account.code),
        escaped(&until(account)),
    );
}

/// The table of the cards.
///
/// # Errors
/// None in practice: the output is written to memory.
pub(super) fn csv(roster: &RosterSummary, names: &[String]) -> Result<String, String> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let failed = |error: csv::Error| error.to_string();
    let heading = ["deployment", "server", "name", "username", "code", "until"];
    out.write_record(heading).map_err(failed)?;
    for (account, name, server) in people(roster, names) {
        let (user, code, until) = (&account.user, &account.code, &account.until);
        let cells = [&roster.deployment, server, name, user, code, until];
        out.write_record(cells.map(cell)).map_err(failed)?;
    }
    let bytes = out.into_inner().map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// The accounts with their names for the card, and their workers: people are spread over all.
fn people<'a>(
    roster: &'a RosterSummary,
    names: &'a [String],
) -> impl Iterator<Item = (&'a CodeSummary, &'a str, &'a str)> {
    let names = names.iter().map(String::as_str);
    let servers = roster.servers.iter().map(String::as_str);
    let no_server = roster.servers.is_empty().then_some("");
    roster
        .accounts
        .iter()
        .zip(names.chain(std::iter::repeat("")))
        .zip(servers.chain(no_server).cycle())
        .map(|((account, name), server)| (account, name, server))
}

fn until(account: &CodeSummary) -> String {
    Timestamp::parse(&account.until).map_or_else(|_| account.until.clone(), moment)
}

/// A text as HTML has it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(count: usize) -> RosterSummary {
        let account = |number: usize| CodeSummary {
            user: format!("pupil{number}"),
            code: "ABCDE-FGHJK-MNPQR-STVWX".to_owned(),
            until: "2026-03-04T10:00:00.000Z".to_owned(),
        };
        RosterSummary {
            deployment: "Class <7b> & \"co\"".to_owned(),
            servers: vec![
                "eu1.example.org:2049".to_owned(),
                "us1.example.org:2049".to_owned(),
            ],
            accounts: (0..count).map(account).collect(),
            passed: Vec::new(),
            faults: Vec::new(),
            more: 0,
        }
    }

    #[test]
    fn ten_cards_are_a_sheet_and_nothing_of_others_is_markup() {
        let names = vec!["<script>x</script>".to_owned()];
        let page = html(&roster(21), &names);
        assert_eq!(page.matches("<div class=\"sheet\">").count(), 3);
        assert_eq!(page.matches("<div class=\"card\">").count(), 21);
        assert!(
            page.contains("Class &lt;7b&gt; &amp; &quot;co&quot;"),
            "{page}"
        );
        assert!(!page.contains("<script"), "{page}");
        let shown = page.replace("<span>", "").replace("</span>", "");
        for command in [
            "papertrader --server eu1.example.org:2049 password reset pupil20<",
            "papertrader --server us1.example.org:2049 password reset pupil19<",
            "papertrader --server us1.example.org:2049 login pupil19<",
        ] {
            assert!(shown.contains(command), "{shown}");
        }
        let none = RosterSummary {
            servers: Vec::new(),
            ..roster(2)
        };
        assert_eq!(html(&none, &[]).matches("<span>login</span>").count(), 2);
        assert!(page.contains("until 2026-03-04 10:00"), "{page}");
    }

    #[test]
    fn the_table_has_no_formula() {
        let table = csv(&roster(1), &["=1+1".to_owned()]).unwrap();
        let row = table.lines().nth(1).unwrap();
        assert!(
            row.contains("'=1+1,pupil0,ABCDE-FGHJK-MNPQR-STVWX,2026-"),
            "{row}"
        );
    }
}
