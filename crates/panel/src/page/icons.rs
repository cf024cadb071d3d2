//! The shapes that say a state without its colour: hollow ring, ring with a gap, disc, two bars,
//! tick, triangle. Decorations for people who see; the word beside them is for everybody.

use lectern_domain::api::PodiumState;
use maud::{Markup, html};

pub(super) fn state(state: PodiumState) -> Markup {
    html! {
        svg.icon viewBox="0 0 80 80" aria-hidden="true" focusable="false" {
            @match state {
                PodiumState::Ready => { circle.line cx="40" cy="40" r="30" {} }
                PodiumState::Starting => {
                    circle.line.gap cx="40" cy="40" r="30" {}
                    circle.full cx="40" cy="40" r="10" {}
                }
                PodiumState::Recording => { circle.full.disc cx="40" cy="40" r="35" {} }
                PodiumState::Paused => {
                    rect.full x="14" y="8" width="20" height="64" rx="4" {}
                    rect.full x="46" y="8" width="20" height="64" rx="4" {}
                }
                PodiumState::Saved => { path.line d="M12 42 L32 62 L68 20" {} }
                PodiumState::Fault => {
                    path.full fill-rule="evenodd" d="M40 6 L78 74 L2 74 Z M36 28 h8 v24 h-8 Z M36 58 h8 v8 h-8 Z" {}
                }
            }
        }
    }
}

/// Here something can be written.
pub(super) fn pencil() -> Markup {
    html! {
        svg.small viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            path d="M3 21 L4 16 L16 4 L20 8 L8 20 Z M17 3 L18.500 1.500 L22.500 5.500 L21 7 Z" {}
        }
    }
}

pub(super) fn warning() -> Markup {
    html! {
        svg.small viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            path.full fill-rule="evenodd" d="M12 2 L23 21 L1 21 Z M11 9 h2 v6 h-2 Z M11 16.500 h2 v2 h-2 Z" {}
        }
    }
}
