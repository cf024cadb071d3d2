//! The bytes that USB lamps understand. Pure: one colour becomes one report.
//!
//! Patterns are drawn by us, colour by colour, so that all lamps show the same ones; none of
//! their built-in programs is used.

use lectern_domain::config::{Colour, LightModel};

/// A report as the kernel takes it: the first byte is the report's number, zero if it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Written to the device.
    Output(Vec<u8>),
    /// Set as a feature.
    Feature(Vec<u8>),
}

/// Which lamp of its family it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lamp {
    pub(crate) model: LightModel,
    /// The first BlinkStick has one light and a report of its own for it.
    pub(crate) single: bool,
}

impl Lamp {
    /// Vendor and product of a device that this lamp may be; `None` stands for any product.
    pub(crate) const fn ids(model: LightModel) -> &'static [(u32, Option<u32>)] {
        match model {
            LightModel::Busylight => &[(0x27bb, None), (0x04d8, Some(0xf848))],
            LightModel::Blinkstick => &[(0x20a0, Some(0x41e5))],
            LightModel::Blink1 => &[(0x27b8, Some(0x01ed))],
            LightModel::Luxafor => &[(0x04d8, Some(0xf372))],
        }
    }

    /// Lets the lamp show a colour.
    pub(crate) fn colour(self, colour: Colour) -> Report {
        let Colour([red, green, blue]) = colour;
        match (self.model, self.single) {
            (LightModel::Busylight, _) => busylight(&jump(colour)),
            (LightModel::Blinkstick, true) => Report::Feature(vec![1, red, green, blue]),
            (LightModel::Blinkstick, false) => {
                let mut report = vec![6, 0];
                // Eight lights, green first; a stick with fewer takes no notice of the rest.
                report.extend([green, red, blue].repeat(8));
                Report::Feature(report)
            }
            // Set now, all lights.
            (LightModel::Blink1, _) => Report::Feature(vec![1, b'n', red, green, blue, 0, 0, 0, 0]),
            // A colour on all lights.
            (LightModel::Luxafor, _) => Report::Output(vec![0, 1, 0xff, red, green, blue, 0, 0, 0]),
        }
    }

    /// What a lamp needs to hear now and then so that it goes on shining.
    pub(crate) fn keep_alive(self) -> Option<Report> {
        match self.model {
            // For the next fifteen seconds, the most that it takes.
            LightModel::Busylight => Some(busylight(&[0x8f, 0, 0, 0, 0, 0, 0, 0])),
            LightModel::Blinkstick | LightModel::Blink1 | LightModel::Luxafor => None,
        }
    }
}

/// Step 0 of a Busylight's program: show a colour and jump to step 0 again. Its brightness goes
/// from 0 to 100, and the last byte switches its loudspeaker off.
fn jump(Colour(colour): Colour) -> [u8; 8] {
    let [red, green, blue] = colour.map(|part| u8::try_from(u16::from(part) * 100 / 255).unwrap_or(100));
    [0x10, 0, red, green, blue, 0, 0, 0x80]
}

/// A Busylight takes seven steps of eight bytes, a tail, and the sum of all of them.
fn busylight(step: &[u8; 8]) -> Report {
    let mut bytes = vec![0; 64];
    bytes[..8].copy_from_slice(step);
    bytes[59..62].fill(0xff);
    let sum: u16 = bytes[..62].iter().map(|byte| u16::from(*byte)).sum();
    bytes[62..].copy_from_slice(&sum.to_be_bytes());
    bytes.insert(0, 0);
    Report::Output(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORANGE: Colour = Colour([255, 128, 0]);

    fn lamp(model: LightModel, single: bool) -> Lamp {
        Lamp { model, single }
    }

    #[test]
    fn each_lamp_is_sent_what_its_makers_say() {
        let mut kuando = vec![0, 0x10, 0, 100, 50, 0, 0, 0, 0x80];
        kuando.extend([0; 51]);
        // 0x10 + 100 + 50 + 0x80 + 3 * 0xff = 1059
        kuando.extend([0xff, 0xff, 0xff, 0x04, 0x23]);
        let mut strip = vec![6, 0];
        strip.extend([128, 255, 0].repeat(8));
        for (model, single, golden) in [
            (LightModel::Busylight, false, Report::Output(kuando)),
            (
                LightModel::Blinkstick,
                true,
                Report::Feature(vec![1, 255, 128, 0]),
            ),
            (LightModel::Blinkstick, false, Report::Feature(strip)),
            (
                LightModel::Blink1,
                false,
                Report::Feature(vec![1, b'n', 255, 128, 0, 0, 0, 0, 0]),
            ),
            (
                LightModel::Luxafor,
                false,
                Report::Output(vec![0, 1, 255, 255, 128, 0, 0, 0, 0]),
            ),
        ] {
            assert_eq!(lamp(model, single).colour(ORANGE), golden, "{model:?}");
        }
    }

    #[test]
    fn a_busylight_is_kept_alive_with_a_sum_that_is_right() {
        let Some(Report::Output(bytes)) = lamp(LightModel::Busylight, false).keep_alive() else {
            panic!("it needs one");
        };
        assert_eq!(bytes.len(), 65);
        assert_eq!(bytes[..3], [0, 0x8f, 0]);
        // 0x8f + 3 * 0xff = 908
        assert_eq!(bytes[60..], [0xff, 0xff, 0xff, 0x03, 0x8c]);
        assert_eq!(lamp(LightModel::Luxafor, false).keep_alive(), None);
    }
}
