//! Manual pages and completions, made from the same words as `--help`, so that neither can fall
//! behind. A test and not a command: what writes them has no place on a classroom's machine.
//!
//! With `LECTERN_MANUAL=FOLDER` the test writes them there, laid out as below `/usr/share`; that
//! is how `scripts/package` gets them. Without it the test only looks at them.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::args::Args;

/// A file's place below `/usr/share`, and what is in it.
type Made = (PathBuf, Vec<u8>);

fn built() -> Command {
    // "lectern help X" would be a page for each command once more.
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    command
}

/// One page for each command and the whole, as `lectern.1` and `lectern-config-show.1`.
fn pages(command: &Command, made: &mut Vec<Made>) {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned();
    let page = Man::new(command.clone())
        .title(name.to_uppercase())
        .source(format!("Lectern {}", env!("CARGO_PKG_VERSION")))
        .manual("Lectern");
    let mut text = Vec::new();
    page.render(&mut text).expect("a vector takes all");
    made.push((Path::new("man/man1").join(format!("{name}.1")), text));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        pages(below, made);
    }
}

fn completions(made: &mut Vec<Made>) {
    for (shell, place) in [
        (Shell::Bash, "bash-completion/completions/lectern"),
        (Shell::Zsh, "zsh/vendor-completions/_lectern"),
        (Shell::Fish, "fish/vendor_completions.d/lectern.fish"),
    ] {
        let mut text = Vec::new();
        generate(shell, &mut Args::command(), "lectern", &mut text);
        made.push((place.into(), text));
    }
}

#[test]
fn each_command_has_its_page_and_completions() {
    let mut made = Vec::new();
    pages(&built(), &mut made);
    completions(&mut made);
    let whole = made
        .iter()
        .find(|(place, _)| place.ends_with("lectern.1"))
        .map(|(_, text)| String::from_utf8_lossy(text).into_owned());
    let whole = whole.expect("the first page is the program's");
    for command in built().get_subcommands() {
        let page = format!("lectern\\-{}(1)", command.get_name().replace('-', "\\-"));
        assert!(whole.contains(&page), "lectern.1 does not name {page}");
    }
    for (place, text) in &made {
        assert!(text.len() > 100, "{} says nothing", place.display());
    }
    if let Some(folder) = std::env::var_os("LECTERN_MANUAL") {
        for (place, text) in made {
            let file = Path::new(&folder).join(place);
            let above = file.parent().expect("every place has a folder");
            fs::create_dir_all(above).expect("the folder for the pages can be made");
            fs::write(&file, text).expect("the page can be written");
        }
    }
}

#[test]
fn each_word_of_the_command_line_has_its_help() {
    let mut silent = Vec::new();
    let mut waiting = vec![built()];
    while let Some(command) = waiting.pop() {
        let name = command.get_bin_name().unwrap_or_default().to_owned();
        if command.get_about().is_none() {
            silent.push(name.clone());
        }
        for word in command.get_arguments().filter(|word| word.get_help().is_none()) {
            silent.push(format!("{name} {}", word.get_id()));
        }
        waiting.extend(command.get_subcommands().cloned());
    }
    assert!(silent.is_empty(), "no help for: {}", silent.join(", "));
}
