//! What the configuration says to the courier, and how it is told something else while it works.

use std::sync::Arc;

use lectern_deliver::{Line, LineRules, Route};
use lectern_domain::config::{Config, Platform};
use lectern_domain::ids::PlatformName;
use lectern_domain::upload::Timetable;
use tokio::sync::watch;
use tracing::info;

use super::gate::Rules;
use crate::room_time;

/// A configuration, and what is made of it once.
pub(super) struct Terms {
    pub(super) config: Arc<Config>,
    /// The uplink. Another one only when other rules hold for it.
    pub(super) line: Arc<Line>,
    pub(super) rules: Rules,
}

impl Terms {
    /// With what was known of the routes.
    pub(super) fn new(config: Arc<Config>, routes: Vec<Route>) -> Arc<Self> {
        let line = Line::new(line_rules(&config), routes);
        Arc::new(Self::over(config, line))
    }

    fn over(config: Arc<Config>, line: Arc<Line>) -> Self {
        let timetable = Timetable::new(&config.upload, &config.room.id, room_time::zone(&config));
        Self {
            rules: Rules::new(&config.upload, timetable),
            config,
            line,
        }
    }

    /// The platform of this name, as it is configured now.
    pub(super) fn platform(&self, name: &PlatformName) -> Option<&Platform> {
        self.config
            .platforms
            .iter()
            .find(|platform| platform.name == *name)
    }
}

/// Gives the courier another configuration. It takes it over within a second; a delivery that
/// goes to a platform or over a line that is another now is interrupted and goes on by the new
/// terms.
pub(crate) struct Orders(watch::Sender<Arc<Terms>>);

impl Orders {
    pub(super) fn new(terms: Arc<Terms>) -> (Self, watch::Receiver<Arc<Terms>>) {
        let (out, terms) = watch::channel(terms);
        (Self(out), terms)
    }

    /// Does not block. The same again changes nothing.
    pub(crate) fn take_over(&self, config: Arc<Config>) {
        let before = Arc::clone(&self.0.borrow());
        if (&before.config.platforms, &before.config.upload) == (&config.platforms, &config.upload) {
            return;
        }
        let line = if same_line(&before.config, &config) {
            Arc::clone(&before.line)
        } else {
            info!("another rate, courtesy or proxy holds for sending");
            Line::new(line_rules(&config), before.line.routes())
        };
        self.0.send_replace(Arc::new(Terms::over(config, line)));
    }
}

fn line_rules(config: &Config) -> LineRules {
    let upload = &config.upload;
    LineRules {
        rate: upload.rate,
        yields: upload.yields,
        proxy: upload.proxy.clone(),
        proxy_credential: upload.proxy_credential.clone(),
    }
}

fn same_line(a: &Config, b: &Config) -> bool {
    line_rules(a) == line_rules(b)
}

#[cfg(test)]
mod tests {
    use lectern_domain::config::ConfigFile;

    use super::*;

    fn config(upload: &str) -> Arc<Config> {
        let text = format!(
            "[room]\nid = \"b\"\n[storage]\npath = \"/spool\"\n[[source]]\nname = \"m\"\nrole = \"microphone\"\n\
             kind = \"test-audio\"\n[upload]\n{upload}\n"
        );
        let file = ConfigFile::decode("room.toml", text.into_bytes()).unwrap();
        Arc::new(Config::read(&[file], &[]).unwrap())
    }

    /// What is under way is interrupted only for what concerns it.
    #[test]
    fn p4_the_line_stays_the_same_unless_its_rules_change() {
        let (orders, mut told) = Orders::new(Terms::new(config(""), Vec::new()));
        let first = Arc::clone(&told.borrow_and_update());
        orders.take_over(config(""));
        assert!(!told.has_changed().unwrap(), "nothing is another");
        orders.take_over(config("window = [\"22:00-06:00\"]"));
        let hours = Arc::clone(&told.borrow_and_update());
        assert!(Arc::ptr_eq(&first.line, &hours.line));
        assert_ne!(first.rules.windows(), hours.rules.windows());
        orders.take_over(config("rate = \"2Mbit/s\""));
        let rate = Arc::clone(&told.borrow_and_update());
        assert!(!Arc::ptr_eq(&first.line, &rate.line));
        assert_eq!(rate.line.rules().rate, config("rate = \"2Mbit/s\"").upload.rate);
    }
}
