//! The sound cards of the kernel, and the card in an ALSA device's name.

use super::{Hardware, Roots, names, read};

/// What ALSA names that lead straight to a card begin with; others may be anything.
const CARD_NAMES: [&str; 6] = ["hw", "plughw", "sysdefault", "front", "dsnoop", "iec958"];

/// A sound card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    /// The number, which changes with the order of plugging.
    pub(super) number: String,
    /// The id, which a person may set.
    pub(super) id: String,
    /// What it is.
    pub(super) hardware: Hardware,
}

/// Every card, by number.
pub(super) fn all(roots: &Roots) -> Vec<Card> {
    let class = roots.sys.join("class/sound");
    let known = std::fs::read_to_string(roots.proc.join("asound/cards")).unwrap_or_default();
    let cards = names(&class).into_iter().filter_map(|name| {
        let number = name.strip_prefix("card")?.to_owned();
        number.parse::<u32>().ok()?;
        let id = read(&class.join(&name).join("id"))?;
        let model = model(&known, &id).unwrap_or_else(|| id.clone());
        let hardware = Hardware::at(&class.join(&name).join("device"), model, roots);
        Some(Card { number, id, hardware })
    });
    cards.collect()
}

/// The name of a card in `/proc/asound/cards`: ` 0 [Podium  ]: USB-Audio - Podium Microphone`.
fn model(cards: &str, id: &str) -> Option<String> {
    cards.lines().find_map(|line| {
        let (_, rest) = line.split_once('[')?;
        let (this, rest) = rest.split_once("]:")?;
        let (_, name) = rest.split_once(" - ")?;
        (this.trim() == id).then(|| name.trim().to_owned())
    })
}

/// The card, by number or id, that an ALSA device's name leads straight to: `hw:CARD=Podium,DEV=0`.
pub(crate) fn card_of(device: &str) -> Option<&str> {
    let (name, arguments) = device.split_once(':')?;
    let card = arguments.split(',').next()?;
    let card = card.strip_prefix("CARD=").unwrap_or(card);
    let is_plain = !card.is_empty()
        && card
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
    (CARD_NAMES.contains(&name) && is_plain).then_some(card)
}

/// The id of the card that is named by its number or its id.
pub(super) fn id_of(card: &str, all: &[Card]) -> Option<String> {
    all.iter()
        .find(|known| known.id == card || known.number == card)
        .map(|known| known.id.clone())
}

/// `device` with another card in it.
pub(super) fn renamed(device: &str, id: &str) -> String {
    let (name, arguments) = device.split_once(':').unwrap_or((device, ""));
    match arguments.split_once(',') {
        // In order, or by name.
        Some((_, rest)) if rest.contains('=') => format!("{name}:CARD={id},{rest}"),
        Some((_, rest)) => format!("{name}:{id},{rest}"),
        None => format!("{name}:CARD={id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_of_a_name_is_found_and_changed() {
        for (device, card, other) in [
            ("hw:0", "0", "hw:CARD=Desk"),
            ("hw:1,0", "1", "hw:Desk,0"),
            ("plughw:CARD=Podium,DEV=0", "Podium", "plughw:CARD=Desk,DEV=0"),
            ("hw:Podium,1,0", "Podium", "hw:Desk,1,0"),
        ] {
            assert_eq!(card_of(device), Some(card));
            assert_eq!(renamed(device, "Desk"), other);
        }
        for device in [
            "default",
            "pulse",
            "dsp:Mixer",
            "hw:",
            "hw:{card 1}",
            "hw:DEV=0,CARD=Mixer",
        ] {
            assert_eq!(card_of(device), None, "{device}");
        }
    }
}
