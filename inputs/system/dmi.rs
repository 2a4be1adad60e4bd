//! What the firmware tells of the machine (SMBIOS), as the kernel shows it in `/sys/class/dmi/id`.
//!
//! Serial numbers are for root only: what cannot be read is `unknown`.

use super::Texts;
use crate::host::{Reader, scan};
use std::path::Path;

/// Fields and their files.
const FILES: [(&str, &str); 20] = [
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("bios_date", "bios_date"),
    ("board_vendor", "board_vendor"),
    ("board_product", "board_name"),
    ("board_version", "board_version"),
    ("board_serial", "board_serial"),
    ("board_asset_tag", "board_asset_tag"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_type_code", "chassis_type"),
    ("chassis_version", "chassis_version"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("product_vendor", "sys_vendor"),
    ("product_name", "product_name"),
    ("product_family", "product_family"),
    ("product_version", "product_version"),
    ("product_serial", "product_serial"),
    ("product_sku", "product_sku"),
    ("product_uuid", "product_uuid"),
];

const UNKNOWN: &str = "unknown";

/// Kinds of chassis by their code, from 1 on: SMBIOS (DSP0134), section 7.4.1.
const CHASSIS: [&str; 36] = [
    "Other",
    "Unknown",
    "Desktop",
    "Low profile desktop",
    "Pizza box",
    "Mini tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand held",
    "Docking station",
    "All in One",
    "Sub notebook",
    "Space-saving",
    "Lunch box",
    "Main server chassis",
    "Expansion chassis",
    "SubChassis",
    "Bus Expansion chassis",
    "Peripheral chassis",
    "RAID chassis",
    "Rack mount chassis",
    "Sealed-case PC",
    "Multi-system chassis",
    "Compact PCI",
    "Advanced TCA",
    "Blade",
    "Blade enclosure",
    "Tablet",
    "Convertible",
    "Detachable",
    "IoT gateway",
    "Embedded PC",
    "Mini PC",
    "Stick PC",
];

/// All fields.
pub(super) fn read(folder: &Path, reader: &mut Reader) -> Texts {
    let mut texts = Texts::with_capacity(FILES.len() + 1);
    for (field, file) in FILES {
        let text = match reader.read(&folder.join(file)) {
            Ok(text) => scan::text(text).trim().to_owned(),
            Err(_) => UNKNOWN.to_owned(),
        };
        if file == "chassis_type" {
            texts.push(("chassis_type", chassis(&text).to_owned()));
        }
        texts.push((field, text));
    }
    texts
}

fn chassis(code: &str) -> &'static str {
    let code = code.parse::<usize>().ok().and_then(|code| code.checked_sub(1));
    code.and_then(|at| CHASSIS.get(at)).copied().unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let tree = Tree::of(&[("board_name", "0X3D66\n"), ("chassis_type", "23\n"), ("product_sku", "\n")]);
        let texts = read(tree.path(), &mut Reader::new());
        let of = |name| texts.iter().find(|t| t.0 == name).map(|t| t.1.as_str());
        assert_eq!(of("board_product"), Some("0X3D66"));
        assert_eq!(of("chassis_type_code"), Some("23"));
        assert_eq!(of("chassis_type"), Some("Rack mount chassis"));
        assert_eq!(of("product_sku"), Some(""));
        assert_eq!(of("product_serial"), Some("unknown"));
    }

    #[test]
    fn chassis_codes_out_of_range_are_unknown() {
        for code in ["0", "37", "-1", "x", "", "99999999999999999999"] {
            assert_eq!(chassis(code), "unknown");
        }
        assert_eq!((chassis("1"), chassis("36")), ("Other", "Stick PC"));
    }
}
