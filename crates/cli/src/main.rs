//! `lectern`: what a person or a script asks of the daemon, on the control socket.
//!
//! From words to one request to an answer and an exit code; nothing is decided here that the
//! daemon decides. Standard output carries the answer and nothing else, so that scripts can use
//! it; errors go to standard error in three parts: what happened, what is safe, what to do.

mod args;
mod client;
mod config;
mod devices;
mod doctor;
mod export;
mod fault;
mod figures;
#[cfg(test)]
mod manual;
mod notify;
mod plan;
mod report;
mod self_test;
mod wait;
mod watch;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use lectern_domain::api::{
    Doctor, Done, ExtendRequest, LectureDetail, LecturePage, MarkRequest, Metadata, Queue, RetryRequest,
    StartRequest, Status,
};
use lectern_domain::reason;
use serde::Serialize;

use args::{Args, Command, ConfigCommand};
use client::Client;
use fault::Fault;
use figures::WallClock;

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Fault::failed(
                format!("this program could not begin: {error}"),
                "Nothing was asked of the daemon.",
                "Try again.",
            )
        })
        .and_then(|runtime| runtime.block_on(run(args)));
    match outcome.and_then(|text| say(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // With standard error closed as well there is nobody left to tell.
            drop(writeln!(std::io::stderr(), "{}", reason(&fault)));
            ExitCode::from(fault.exit_code())
        }
    }
}

/// Writes an answer. A reader that has seen enough (`lectern lectures | head -1`) is no fault.
fn say(text: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Fault::failed(
            format!("the answer could not be written: {error}"),
            "What was asked has been done.",
            "Look at \"lectern status\".",
        )),
        _ => Ok(()),
    }
}

/// Carries out one command; what it returns is for standard output.
async fn run(args: Args) -> Result<String, Fault> {
    let client = Client::new(args.socket);
    match args.command {
        Command::Status { json, watch: true } => watch::run(&client, json, say).await,
        Command::Status { json, watch: false } => {
            let status: Status = client.get("/api/v1/status").await?;
            document(json, &status, report::status)
        }
        Command::Start { said, minutes } => {
            let said = Metadata::from(said);
            let request = StartRequest {
                title: said.title,
                course: said.course,
                presenter: said.presenter,
                language: said.language,
                minutes,
            };
            let done: Done = client.start(&request).await?;
            Ok(done.lecture.map(|id| format!("{id}\n")).unwrap_or_default())
        }
        Command::Plan { at, minutes, said } => plan::plan(&client, at, minutes, said.into()).await,
        Command::Begin { id } => plan::change(&client, &id, "begin").await,
        Command::Cancel { id } => plan::change(&client, &id, "cancel").await,
        Command::Restore { id } => plan::change(&client, &id, "restore").await,
        Command::Pause => recording(&client, "pause").await,
        Command::Resume => recording(&client, "resume").await,
        Command::Stop => recording(&client, "stop").await,
        Command::Undo => recording(&client, "undo").await,
        Command::Mark { label } => {
            let done: Done = client
                .post("/api/v1/recording/mark", &MarkRequest { label })
                .await?;
            Ok(report::done(&done))
        }
        Command::Extend { minutes } => {
            let done: Done = client
                .post("/api/v1/recording/extend", &ExtendRequest { minutes })
                .await?;
            // Extended it is, even if nobody can say now until when.
            let status: Option<Status> = client.get("/api/v1/status").await.ok();
            Ok(report::extended(&done, status.as_ref()))
        }
        Command::Lectures { state, json } => {
            let page = lectures(&client, state).await?;
            let clock = wall_clock(&client).await?;
            document(json, &page, |page| report::lectures(page, &clock))
        }
        Command::Show { id, json } => {
            let detail: LectureDetail = client.get(&about(&id)).await?;
            let clock = wall_clock(&client).await?;
            document(json, &detail, |detail| report::lecture(detail, &clock))
        }
        Command::Amend { id, said } => {
            let said = Metadata::from(said);
            if said == Metadata::default() {
                return Err(Fault::Usage(
                    "nothing to mend is named: give --title, --course, --presenter or --language".to_owned(),
                ));
            }
            let done: Done = client.patch(&about(&id), &said).await?;
            Ok(report::done(&done))
        }
        Command::Wait { id, until, timeout } => wait::run(&client, &id, until, timeout).await,
        Command::Retry { id, platform } => {
            let request = RetryRequest { platform };
            let done: Done = client.post(&format!("{}/retry", about(&id)), &request).await?;
            // Begun it is, even if nobody can say now what may stand in its way.
            let queue: Option<Queue> = client.get("/api/v1/queue").await.ok();
            Ok(report::retried(&done, request.platform.as_ref(), queue.as_ref()))
        }
        Command::SendNow { id } => {
            let path = id.map_or_else(
                || "/api/v1/send-now".into(),
                |id| format!("{}/send-now", about(&id)),
            );
            let done: Done = client.post_nothing(&path).await?;
            Ok(match client.get("/api/v1/queue").await {
                Ok(queue) => report::sent_now(&queue, done.lecture),
                Err(_) => report::done(&done),
            })
        }
        Command::Export { id, dir } => {
            let detail: LectureDetail = client.get(&about(&id)).await?;
            export::run(&detail, &dir)
        }
        Command::Queue { json } => {
            let queue: Queue = client.get("/api/v1/queue").await?;
            let clock = wall_clock(&client).await?;
            document(json, &queue, |queue| report::queue(queue, &clock))
        }
        Command::Notify { test: _, json } => {
            let told: Doctor = client.post_nothing("/api/v1/notify-test").await?;
            say(&document(json, &told, notify::told)?)?;
            notify::judged(&told).map(|()| String::new())
        }
        Command::Doctor(words) => {
            let doctor::Outcome { text, ends } = doctor::run(&client, words).await?;
            say(&text)?;
            ends.map(|()| String::new())
        }
        Command::SelfTest { seconds, json } => {
            let test = self_test::run(&client, seconds).await?;
            say(&document(json, &test, self_test::report)?)?;
            self_test::verdict(&test).map(|()| String::new())
        }
        Command::Devices(words) => devices::run(&client, words).await,
        Command::Config { command } => match command {
            ConfigCommand::Default => Ok(config::default()),
            ConfigCommand::Show { config, json } => config::show(&config, json),
            ConfigCommand::Schema => Ok(config::schema()),
        },
    }
}

async fn recording(client: &Client, word: &str) -> Result<String, Fault> {
    let done: Done = client.post_nothing(&format!("/api/v1/recording/{word}")).await?;
    Ok(report::done(&done))
}

/// By what times are told.
async fn wall_clock(client: &Client) -> Result<WallClock, Fault> {
    let status: Status = client.get("/api/v1/status").await?;
    Ok(WallClock::of(&status.room))
}

/// The address of a lecture. Its id is hexadecimal and dashes; [`args`] has checked it.
fn about(id: &args::Id) -> String {
    format!("/api/v1/lectures/{id}")
}

/// Every lecture: page after page until the last.
async fn lectures(
    client: &Client,
    state: Option<lectern_domain::lecture::LectureState>,
) -> Result<LecturePage, Fault> {
    let mut all = LecturePage {
        lectures: Vec::new(),
        next: None,
    };
    loop {
        let mut path = "/api/v1/lectures?limit=200".to_owned();
        if let Some(state) = state {
            path.push_str(&format!("&state={state}"));
        }
        if let Some(after) = all.next {
            path.push_str(&format!("&after={after}"));
        }
        let page: LecturePage = client.get(&path).await?;
        let empty = page.lectures.is_empty();
        all.lectures.extend(page.lectures);
        all.next = page.next.filter(|_| !empty);
        if all.next.is_none() {
            return Ok(all);
        }
    }
}

fn document<T: Serialize>(
    json: bool,
    document: &T,
    human: impl FnOnce(&T) -> String,
) -> Result<String, Fault> {
    if json {
        let mut text = serde_json::to_string_pretty(document).map_err(|error| {
            Fault::failed(
                format!("the answer has no JSON form: {error}"),
                "Nothing was changed.",
                "Leave --json out.",
            )
        })?;
        text.push('\n');
        return Ok(text);
    }
    Ok(human(document))
}
