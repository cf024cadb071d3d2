//! The daemon's manual page and completions, made from the same words as its `--help`. As in the
//! command line's crate, a test writes them below `LECTERN_MANUAL`, for `scripts/package`.

use std::fs;
use std::path::Path;

use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::args::command;

/// One page: the jobs beside running are few enough to stand in it.
fn page() -> Vec<u8> {
    let mut whole = command().disable_help_subcommand(true);
    whole.build();
    let man = Man::new(whole.clone())
        .section("8")
        .title("LECTERND")
        .source(format!("Lectern {}", env!("CARGO_PKG_VERSION")))
        .manual("Lectern");
    let mut text = Vec::new();
    let all = "a vector takes all";
    man.render_title(&mut text).expect(all);
    man.render_name_section(&mut text).expect(all);
    man.render_synopsis_section(&mut text).expect(all);
    man.render_description_section(&mut text).expect(all);
    man.render_options_section(&mut text).expect(all);
    for job in whole.get_subcommands() {
        let name = job.get_name().to_uppercase();
        text.extend_from_slice(format!(".SH \"JOB {name}\"\n").as_bytes());
        let part = Man::new(job.clone());
        let mut words = Vec::new();
        part.render_synopsis_section(&mut words).expect(all);
        part.render_description_section(&mut words).expect(all);
        part.render_options_section(&mut words).expect(all);
        // Sections of the job's own page are parts of a section here.
        text.extend_from_slice(String::from_utf8_lossy(&words).replace(".SH ", ".SS ").as_bytes());
    }
    text.extend_from_slice(SIGNALS.as_bytes());
    text
}

const SIGNALS: &str = r".SH SIGNALS
.TP
SIGTERM, SIGINT
Closes the segments, ends the sources and then itself, within five seconds. A second one ends it at once.
.TP
SIGHUP
Reads the configuration anew and tries the platforms again. A lecture at hand is not touched.
.SH FILES
.TP
/etc/lectern/lectern.toml
The configuration; see \fBlectern.toml\fR(5).
.TP
/var/lib/lectern
Recordings and the database of what was delivered.
.TP
/run/lectern/control.sock
Where \fBlectern\fR(1) asks.
.SH SEE ALSO
\fBlectern\fR(1), \fBlectern.toml\fR(5), \fBjournalctl\fR(1)
";

#[test]
fn the_daemon_has_its_page_and_completions() {
    let page = page();
    let text = String::from_utf8_lossy(&page);
    for job in command().get_subcommands() {
        let part = format!("JOB {}", job.get_name().to_uppercase());
        assert!(text.contains(&part), "lecternd.8 has no {part}");
    }
    let Some(folder) = std::env::var_os("LECTERN_MANUAL") else {
        return;
    };
    let mut made = vec![("man/man8/lecternd.8", page)];
    for (shell, place) in [
        (Shell::Bash, "bash-completion/completions/lecternd"),
        (Shell::Zsh, "zsh/vendor-completions/_lecternd"),
        (Shell::Fish, "fish/vendor_completions.d/lecternd.fish"),
    ] {
        let mut text = Vec::new();
        generate(shell, &mut command(), "lecternd", &mut text);
        made.push((place, text));
    }
    for (place, text) in made {
        let file = Path::new(&folder).join(place);
        let above = file.parent().expect("every place has a folder");
        fs::create_dir_all(above).expect("the folder for the pages can be made");
        fs::write(&file, text).expect("the page can be written");
    }
}
