//! A picture for each product: its shelf's shape in its brand's colour, with the label below.

use super::products::{self, Item};
use super::rng::Rng;

/// Characters on one line of the label.
const LINE: usize = 30;

/// The outlines of goods, within x 150 to 450 and y 80 to 386.
const SHAPES: [(&str, &str); 37] = [
    (
        "bottle",
        r#"<path d="M275 84h50v70q0 24 22 46t22 54v132H231V254q0-32 22-54t22-46z"/><path d="M231 274h138v66H231z" fill="white"/>"#,
    ),
    (
        "wine",
        r#"<path d="M278 80h44v112q34 20 34 62v132H244V254q0-42 34-62z"/><path d="M244 268h112v80H244z" fill="white"/>"#,
    ),
    (
        "flacon",
        r#"<path d="M268 120h64v56h-64z" fill="white"/><rect x="206" y="176" width="188" height="210" rx="26"/>"#,
    ),
    (
        "jar",
        r#"<rect x="206" y="160" width="188" height="226" rx="30"/><path d="M198 118h204v42H198z" fill="white"/><path d="M206 230h188v84H206z" fill="white"/>"#,
    ),
    (
        "tin",
        r#"<path d="M196 150v210q0 26 104 26t104-26V150"/><ellipse cx="300" cy="150" rx="104" ry="28" fill="white"/>"#,
    ),
    (
        "carton",
        r#"<path d="M222 170l78-60 78 60v216H222z"/><path d="M222 170h156" fill="none"/><circle cx="300" cy="280" r="42" fill="white"/>"#,
    ),
    (
        "cup",
        r#"<path d="M204 170h192l-26 216H230z"/><path d="M192 142h216v28H192z" fill="white"/>"#,
    ),
    (
        "cheese",
        r#"<path d="M160 300l220-130q60 40 60 130v86H160z"/><path d="M160 300h280" fill="none"/><circle cx="250" cy="344" r="18" fill="white"/><circle cx="350" cy="336" r="24" fill="white"/>"#,
    ),
    (
        "apple",
        r#"<path d="M300 180q-60-40-106 6t-18 126 92 74q32-12 64 0 64 4 92-74t-18-126-106-6z"/><path d="M300 180q0-50 34-76" fill="none"/>"#,
    ),
    (
        "carrot",
        r#"<path d="M356 176q44 44 8 80L180 386q-22 8-14-14l120-184q34-44 70-12z"/><path d="M356 176q-8-52 24-84M356 176q44-34 84-20" fill="none"/>"#,
    ),
    (
        "meat",
        r#"<path d="M190 250q10-110 130-100t120 110-110 126-140-136z"/><circle cx="350" cy="250" r="34" fill="white"/>"#,
    ),
    (
        "fish",
        r#"<path d="M150 270q110-140 226-20l66-54v148l-66-54q-116 120-226-20z"/><circle cx="216" cy="256" r="9" fill="white"/>"#,
    ),
    (
        "bread",
        r#"<path d="M170 330q-10-60 60-110t130-70 76 30-30 100-110 96-126-46z"/><path d="M244 250l36 50M300 212l36 50M352 178l34 46" fill="none"/>"#,
    ),
    (
        "tube",
        r#"<path d="M222 100h156l-22 226H244z"/><path d="M262 326h76v60h-76z" fill="white"/>"#,
    ),
    (
        "can",
        r#"<path d="M196 190h208v196H196z"/><path d="M236 190v-50h128v50" fill="none"/><path d="M196 250h208v76H196z" fill="white"/>"#,
    ),
    (
        "roll",
        r#"<path d="M196 140v220q0 26 104 26t104-26V140"/><ellipse cx="300" cy="140" rx="104" ry="36" fill="white"/><ellipse cx="300" cy="140" rx="34" ry="12"/>"#,
    ),
    (
        "mixer",
        r#"<path d="M190 120h190q50 0 50 50H300v60h-60v110h-50z"/><path d="M270 270h150q0 90-75 90t-75-90z" fill="white"/><path d="M180 360h250v26H180z"/>"#,
    ),
    (
        "kettle",
        r#"<path d="M220 160h150l30 226H190z"/><path d="M375 190q80 10 55 130" fill="none"/><path d="M220 160q75-60 150 0M204 210l-44-30" fill="none"/>"#,
    ),
    (
        "vacuum",
        r#"<circle cx="350" cy="320" r="66"/><circle cx="350" cy="320" r="26" fill="white"/><path d="M300 280L230 100h-50M230 100l-20 270h-50" fill="none"/>"#,
    ),
    (
        "screen",
        r#"<rect x="150" y="130" width="300" height="190" rx="10"/><path d="M172 152h256v146H172z" fill="white"/><path d="M300 320v50M230 386h140" fill="none"/>"#,
    ),
    (
        "laptop",
        r#"<rect x="190" y="150" width="220" height="160" rx="10"/><path d="M210 170h180v120H210z" fill="white"/><path d="M190 310h220l40 60H150z"/>"#,
    ),
    (
        "drill",
        r#"<path d="M170 140h180v80h-70l24 120h-76l-30-120h-28z"/><path d="M350 160h44v40h-44zM394 180h60" fill="white"/><path d="M206 340h116v46H206z"/>"#,
    ),
    (
        "hammer",
        r#"<path d="M190 120h150q60 0 80 50h-80v20H190z"/><path d="M244 190h42v196h-42z" fill="white"/>"#,
    ),
    (
        "plant",
        r#"<path d="M222 280h156l-22 106H244z"/><path d="M300 280V160M300 220q-90 0-96-90 90 0 96 90zM300 190q90 0 96-90-90 0-96 90z"/>"#,
    ),
    (
        "towel",
        r#"<rect x="180" y="150" width="240" height="70" rx="30"/><rect x="180" y="230" width="240" height="70" rx="30" fill="white"/><rect x="180" y="310" width="240" height="70" rx="30"/>"#,
    ),
    (
        "plate",
        r#"<circle cx="300" cy="240" r="140"/><circle cx="300" cy="240" r="92" fill="white"/>"#,
    ),
    (
        "pan",
        r#"<path d="M150 240h210q0 110-105 110T150 240z"/><path d="M360 250l94-40" fill="none"/><ellipse cx="255" cy="240" rx="105" ry="24" fill="white"/>"#,
    ),
    (
        "lamp",
        r#"<path d="M240 110h120l50 130H190z"/><path d="M300 240v120M240 386q0-26 60-26t60 26z" fill="white"/>"#,
    ),
    (
        "dress",
        r#"<path d="M262 90q38 50 76 0l20 20-14 90 66 186H190l66-186-14-90z"/><path d="M256 200h88" fill="none"/>"#,
    ),
    ("shirt", r#"<path d="M250 110q50 40 100 0l90 50-30 80-40-16v162H230V224l-40 16-30-80z"/>"#),
    (
        "shoe",
        r#"<path d="M180 200q60 40 110 0l60 80q90 10 90 70H170q-10-90 10-150z"/><path d="M166 350h278v30H166z" fill="white"/>"#,
    ),
    (
        "die",
        r#"<rect x="190" y="150" width="220" height="220" rx="34"/><g fill="white"><circle cx="248" cy="208" r="20"/><circle cx="352" cy="208" r="20"/><circle cx="300" cy="260" r="20"/><circle cx="248" cy="312" r="20"/><circle cx="352" cy="312" r="20"/></g>"#,
    ),
    (
        "bricks",
        r#"<path d="M160 290h136v96H160zM304 290h136v96H304z"/><path d="M232 186h136v96H232z" fill="white"/><path d="M260 160h30v26h-30zM312 160h30v26h-30z"/>"#,
    ),
    (
        "bear",
        r#"<circle cx="240" cy="150" r="36"/><circle cx="360" cy="150" r="36"/><circle cx="300" cy="240" r="120"/><ellipse cx="300" cy="280" rx="52" ry="40" fill="white"/><circle cx="256" cy="216" r="6"/><circle cx="344" cy="216" r="6"/>"#,
    ),
    (
        "book",
        r#"<path d="M190 110h200q20 0 20 20v256H210q-20 0-20-20z"/><path d="M190 350q0-20 20-20h200" fill="none"/><path d="M236 160h128v60H236z" fill="white"/>"#,
    ),
    (
        "notebook",
        r#"<rect x="200" y="110" width="210" height="276" rx="12"/><path d="M240 150h140v50H240z" fill="white"/><path d="M184 150h32M184 200h32M184 250h32M184 300h32M184 350h32" fill="none"/>"#,
    ),
    (
        "box",
        r#"<path d="M190 190h220v196H190z"/><path d="M170 150h260v46H170z"/><path d="M280 150h40v236h-40z" fill="white"/>"#,
    ),
];

/// What stands in a packet.
const PACKET: &str = r#"<path d="M206 130l16-20h156l16 20v236l-16 20H222l-16-20z"/><path d="M206 220h188v90H206z" fill="white"/>"#;

/// The picture of a product of the demonstration data; `None` for an unknown `sku`.
#[must_use]
pub fn image_svg(sku: &str) -> Option<String> {
    products::item(sku).map(draw)
}

fn draw(item: &Item) -> String {
    let hue = Rng::of("hue", item.brand).below(360);
    let tint = Rng::of("tint", item.kind.name).between(48, 62);
    let (name, brand) = (escape(&item.name), escape(item.brand));
    let mut label = String::new();
    for (i, line) in wrap(&item.name).iter().take(3).enumerate() {
        let (y, line) = (486 + 32 * i, escape(line));
        label.push_str(&format!(r#"<text x="300" y="{y}" font-size="25">{line}</text>"#));
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 600" width="600" height="600" role="img" aria-label="{name}"><rect width="600" height="600" fill="hsl({hue} 38% 95%)"/><ellipse cx="300" cy="386" rx="150" ry="16" fill="hsl({hue} 25% 82%)"/><g fill="hsl({hue} 45% {tint}%)" stroke="hsl({hue} 45% 28%)" stroke-width="7" stroke-linejoin="round" stroke-linecap="round">{shape}</g><g font-family="Georgia, serif" text-anchor="middle" fill="#2b2b2b"><text x="300" y="440" font-size="21" letter-spacing="2" fill="hsl({hue} 45% 32%)">{brand}</text>{label}</g></svg>"##,
        shape = shape(item.shelf.shape),
    )
}

/// The outline of a shelf's goods.
fn shape(name: &str) -> &'static str {
    SHAPES.iter().find(|(known, _)| *known == name).map_or(PACKET, |(_, outline)| outline)
}

/// The words of a name on lines of the label's width.
fn wrap(name: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Text that stands for itself in XML, also within quotes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::families::departments;

    #[test]
    fn names_are_escaped_and_wrapped() {
        assert_eq!(escape(r#"<Bêche & "Cie">"#), "&lt;Bêche &amp; &quot;Cie&quot;&gt;");
        let lines = wrap("Enceinte portable Volta & Fils 20 W étanche, noire");
        assert!(lines.len() == 2 && lines.iter().all(|l| l.chars().count() <= LINE), "{lines:?}");
    }

    #[test]
    fn every_shelf_has_a_shape_of_its_own() {
        for shelf in departments().iter().flat_map(|d| &d.shelves) {
            let drawn = shape(shelf.shape);
            assert!(shelf.shape == "packet" || drawn != shape("packet"), "{}", shelf.shape);
        }
    }

    #[test]
    fn a_picture_is_one_small_element() {
        let svg = image_svg("11100001").unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && svg.len() < 4_000);
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert_eq!(image_svg("nothing"), None);
    }
}
