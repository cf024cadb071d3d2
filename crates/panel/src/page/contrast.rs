//! The colours of the style sheet, judged by the rule of WCAG 2.2: text 4.5 to 1 (1.4.3), shapes,
//! outlines and very large letters 3 to 1 (1.4.11).

use std::collections::HashMap;

const SHEET: &str = include_str!("../../assets/panel.css");

/// What is written in a colour on a colour.
const TEXTS: [(&str, &str); 17] = [
    ("ink", "ground"),
    ("ink", "card"),
    ("soft", "ground"),
    ("soft", "card"),
    ("warn", "card"),
    ("warn", "warn-card"),
    ("ink", "warn-card"),
    ("red-ink", "red"),
    ("blue-ink", "blue"),
    ("amber-ink", "amber"),
    ("amber-ink", "amber-stripe"),
    ("fault", "fault-dark"),
    ("fault", "fault-light"),
    ("cover-ink", "cover"),
    ("fault", "cover"),
    // Notes and captions lie on pictures, under a veil that is dark on the whitest of them.
    ("white", "veil"),
    ("fault", "veil"),
];

/// What has to be seen beside a colour, and is no text.
const SHAPES: [(&str, &str); 6] = [
    ("line", "card"),
    ("line", "ground"),
    ("level", "ground"),
    ("level", "card"),
    ("focus", "ground"),
    ("focus", "card"),
];

type Colours = HashMap<String, [f64; 3]>;

fn hex(text: &str) -> Option<[f64; 3]> {
    let digits = text.strip_prefix('#')?;
    let wide: String = match digits.len() {
        3 => digits.chars().flat_map(|c| [c, c]).collect(),
        6 => digits.to_owned(),
        _ => return None,
    };
    let channel = |at: usize| u8::from_str_radix(&wide[at..at + 2], 16).ok().map(f64::from);
    Some([channel(0)?, channel(2)?, channel(4)?])
}

/// The colours that a block of the sheet names, added to those that are known.
fn read(block: &str, colours: &mut Colours) {
    for line in block.split([';', '{', '}']) {
        if let Some((name, value)) = line.trim().split_once(':')
            && let (Some(name), Some(colour)) = (name.trim().strip_prefix("--"), hex(value.trim()))
        {
            colours.insert(name.to_owned(), colour);
        }
    }
}

/// The dark colours and the light ones.
fn themes() -> [Colours; 2] {
    let (dark_block, rest) = SHEET
        .split_once("@media (prefers-color-scheme: light)")
        .expect("the sheet has light colours");
    let light_block = rest.split("}\n}").next().expect("a split has a first part");
    let mut dark = Colours::new();
    dark.insert("white".into(), [255.0; 3]);
    // #000c over white: eight tenths black.
    dark.insert("veil".into(), [51.0; 3]);
    read(dark_block, &mut dark);
    let mut light = dark.clone();
    read(light_block, &mut light);
    [dark, light]
}

fn luminance(colour: [f64; 3]) -> f64 {
    let [r, g, b] = colour.map(|channel| {
        let c = channel / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (a, b) = (luminance(one), luminance(other));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_text_and_every_shape_stands_out_in_the_dark_and_in_the_light() {
    for (theme, colours) in ["dark", "light"].into_iter().zip(themes()) {
        for (least, pairs) in [(4.5, &TEXTS[..]), (3.0, &SHAPES[..])] {
            for (upper, lower) in pairs {
                let ratio = contrast(colours[*upper], colours[*lower]);
                assert!(
                    ratio >= least,
                    "{theme}: {upper} on {lower} is {ratio:.2}, not {least}"
                );
            }
        }
    }
}

#[test]
fn black_on_white_is_twenty_one() {
    assert!((contrast([0.0; 3], [255.0; 3]) - 21.0).abs() < 1e-9);
}
