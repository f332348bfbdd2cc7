// SPDX-License-Identifier: GPL-2.0

//! `kvctl check --live`: for Nagios, Icinga and others that ask for an exit status and a line.

use kvblade_wire::state::Word;

use super::findings::Finding;
use super::findings::Level;
use super::Status;

impl Status {
    /// How bad it is altogether.
    pub(crate) fn level(&self) -> Level {
        let levels = self.findings.iter().map(|finding| finding.level);
        levels.max().unwrap_or(Level::Ok)
    }

    /// A line with numbers behind a bar, and a line for each thing that is not as it should be.
    pub(crate) fn plugin(&self) -> String {
        let bad = || self.findings.iter().filter(|it| it.level != Level::Ok);
        let said = match bad().count() {
            0 => self.counted(),
            1 => bad().map(sentence).collect(),
            many => {
                let first = bad().map(sentence).next().unwrap_or_default();
                format!("{first}, and {} more", many - 1)
            }
        };
        let state = |word: Word| self.in_state(word);
        let mut text = format!(
            "KVBLADE {} - {said} | exports={} up={} down={} degraded={} conflict={} offline={}\n",
            self.level(),
            self.exports.len(),
            state(Word::Up),
            state(Word::Down),
            state(Word::Degraded),
            state(Word::Conflict),
            state(Word::Offline),
        );
        if bad().count() > 1 {
            for finding in bad() {
                let Finding { level, advice, .. } = finding;
                text += &format!("{level}: {} ({advice})\n", sentence(finding));
            }
        }
        text
    }

    /// Exports on interfaces in this state.
    fn in_state(&self, word: Word) -> usize {
        let ports = self.exports.iter().flat_map(|export| &export.ports);
        ports.filter(|it| it.word() == Some(word)).count()
    }

    /// How many there are.
    pub(super) fn counted(&self) -> String {
        match self.exports.len() {
            1 => "1 export".to_owned(),
            many => format!("{many} exports"),
        }
    }
}

/// What there is to say; the bar is what numbers begin with.
fn sentence(finding: &Finding) -> String {
    format!("{}: {}", finding.place, finding.what).replace('|', "/")
}
