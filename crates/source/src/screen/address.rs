//! Where an X server is: the configured display, else the environment's.

use x11rb::errors::ConnectError;
use x11rb::reexports::x11rb_protocol::parse_display::parse_display;
use x11rb::rust_connection::RustConnection;

use super::trouble::Trouble;

/// The last display with a TCP port, which is 6000 and its number. The configuration refuses those
/// beyond it; the environment's may be anything, and the X library adds without looking.
const LAST_DISPLAY: u16 = u16::MAX - 6000;

/// Connects to `display`, else to `DISPLAY` of the environment. Blocks for the server's answer. The
/// connection, and which of the server's screens is meant.
///
/// # Errors
/// [`Trouble::Name`] where that is no display, [`Trouble::Connect`] where nobody listens,
/// [`Trouble::Denied`] where the server does not let us in.
pub(crate) fn open(display: Option<&str>) -> Result<(RustConnection, usize), Trouble> {
    let number = parse_display(display).map_err(ConnectError::from)?.display;
    if number > LAST_DISPLAY {
        return Err(Trouble::Name(format!(
            "display number {number} is beyond the last one, {LAST_DISPLAY}"
        )));
    }
    Ok(RustConnection::connect(display)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The environment's `DISPLAY` is read by the same function as one that is named.
    #[test]
    fn a_display_beyond_all_ports_is_told_and_nothing_overflows() {
        for display in [":59536", ":59999", "host:65535", "tcp/host:60000.1"] {
            let Err(Trouble::Name(why)) = open(Some(display)) else {
                panic!("{display} was taken for a display");
            };
            assert!(why.ends_with("is beyond the last one, 59535"), "{why}");
        }
        for display in ["", ":", ":65536", ":-1", "nonsense", "/no/such/socket"] {
            assert!(matches!(open(Some(display)), Err(Trouble::Name(_))), "{display}");
        }
        assert!(matches!(open(Some(":59535")), Err(Trouble::Connect(_))));
    }
}
