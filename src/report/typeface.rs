//! The one typeface of figures and pages: Inter, carried inside the program.
//!
//! Nothing here looks at the fonts of the system, so that a figure is the same on every machine.

use std::fmt::Write as _;
use std::sync::Once;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The name under which the face is known to plotters, SVG and CSS.
pub(crate) const FAMILY: &str = "Inter";

/// plotters takes the height from ascender to descender as the size of a font; this many of
/// Inter's ems (`hhea`: ascent 2728, descent 680, 2816 units per em).
pub(crate) const HEIGHT_PER_EM: f64 = (2728.0 + 680.0) / 2816.0;

static REGULAR: &[u8] = include_bytes!("fonts/Inter-Regular.sub.otf");
static SEMI_BOLD: &[u8] = include_bytes!("fonts/Inter-SemiBold.sub.otf");
/// The same two subsets packed for browsers; less than half the size.
static REGULAR_WOFF2: &[u8] = include_bytes!("fonts/Inter-Regular.sub.woff2");
static SEMI_BOLD_WOFF2: &[u8] = include_bytes!("fonts/Inter-SemiBold.sub.woff2");

/// The two weights in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Weight 400.
    Regular,
    /// Weight 600, which CSS and SVG here call bold.
    Bold,
}

/// The face at a size as plotters counts it.
pub(crate) fn font(size: f64, weight: Weight) -> FontDesc<'static> {
    register();
    let style = match weight {
        Weight::Regular => FontStyle::Normal,
        Weight::Bold => FontStyle::Bold,
    };
    // The style must be given at once: a `FontDesc` keeps the letters it was made with.
    FontDesc::new(FontFamily::Name(FAMILY), size, style)
}

/// Makes the face known to plotters, once per process.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for name in [FAMILY, "sans-serif"] {
            for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, SEMI_BOLD)] {
                assert!(register_font(name, style, bytes).is_ok(), "the built-in font is sound");
            }
        }
    });
}

/// Width of a line of text at an em of `size`, in the unit of `size`.
pub(crate) fn width(text: &str, size: f64, weight: Weight) -> f64 {
    // plotters answers in whole pixels; at a hundred times the size that is fine enough.
    const FINE: f64 = 100.0;
    let (wide, _) = font(size * HEIGHT_PER_EM * FINE, weight)
        .box_size(text)
        .expect("the built-in font is registered");
    f64::from(wide) / FINE
}

/// The text itself, or its beginning and an ellipsis if it is wider than `room`.
pub(crate) fn fit(text: &str, size: f64, weight: Weight, room: f64) -> String {
    if width(text, size, weight) <= room {
        return text.to_owned();
    }
    // An average letter is half an em wide, so nothing beyond this count can fit; the cut keeps a
    // title of a megabyte from being measured letter by letter.
    let most = (room / (size * 0.2)) as usize + 1;
    let mut kept: String = text.chars().take(most).collect();
    while !kept.is_empty() && width(&format!("{kept}…"), size, weight) > room {
        kept.pop();
    }
    format!("{}…", kept.trim_end())
}

/// The `@font-face` rules that make a page or a picture carry the face with it.
pub(crate) fn font_faces() -> String {
    let mut css = String::new();
    for (weight, bytes) in [(400, REGULAR_WOFF2), (700, SEMI_BOLD_WOFF2)] {
        let _ = writeln!(
            css,
            "@font-face{{font-family:{FAMILY};font-weight:{weight};\
             src:url(data:font/woff2;base64,{}) format(\"woff2\")}}",
            base64(bytes)
        );
    }
    css
}

/// Base64 with padding, RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, i| {
            word << 8 | u32::from(chunk.get(i).copied().unwrap_or_default())
        });
        for i in 0..4 {
            let sextet = (word >> (18 - 6 * i)) & 63;
            let letter = ALPHABET[sextet as usize] as char;
            text.push(if i <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_gives_the_vectors_of_rfc_4648() {
        let vectors = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, expected) in vectors.iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), *expected);
        }
    }

    #[test]
    fn a_long_text_is_cut_to_its_room() {
        let long = "a very long name ".repeat(1000);
        let cut = fit(&long, 11.0, Weight::Regular, 100.0);
        assert!(cut.ends_with('…'));
        let wide = width(&cut, 11.0, Weight::Regular);
        assert!((80.0..=100.0).contains(&wide), "{cut:?} is {wide} wide");
        assert_eq!(fit("short", 11.0, Weight::Regular, 100.0), "short");
    }

    #[test]
    fn bold_is_wider_than_regular_and_width_grows_with_size() {
        let text = "Nodes up over time";
        let regular = width(text, 10.0, Weight::Regular);
        assert!(width(text, 10.0, Weight::Bold) > regular);
        assert!((width(text, 20.0, Weight::Regular) - 2.0 * regular).abs() < 0.1);
    }
}
