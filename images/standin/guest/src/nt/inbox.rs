//! Images that every Windows has loaded. Sizes and stamps are invented; names and altitudes are Windows' own
//! (driver docs, allocated altitudes).

/// One image of Windows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InBox {
    /// Service that loads it; the first few have none.
    pub(crate) service: Option<&'static str>,
    /// File name.
    pub(crate) base_name: &'static str,
    /// Altitude of a minifilter.
    pub(crate) altitude: Option<&'static str>,
    /// SizeOfImage.
    pub(crate) size: u32,
}

const fn image(base_name: &'static str, size: u32) -> InBox {
    InBox { service: None, base_name, altitude: None, size }
}

const fn driver(service: &'static str, base_name: &'static str, size: u32) -> InBox {
    InBox { service: Some(service), base_name, altitude: None, size }
}

const fn filter(service: &'static str, base_name: &'static str, altitude: &'static str, size: u32) -> InBox {
    InBox { service: Some(service), base_name, altitude: Some(altitude), size }
}

/// In load order. The kernel itself comes first.
pub(crate) static LOADED: [InBox; 27] = [
    image("ntoskrnl.exe", 0x0144_7000),
    image("hal.dll", 0x0000_6000),
    image("kdcom.dll", 0x0000_b000),
    image("mcupdate_GenuineIntel.dll", 0x0030_1000),
    image("CI.dll", 0x000f_e000),
    driver("CLFS", "CLFS.SYS", 0x0007_2000),
    driver("FltMgr", "FLTMGR.SYS", 0x0007_3000),
    driver("CNG", "cng.sys", 0x000b_c000),
    driver("Wdf01000", "Wdf01000.sys", 0x000d_7000),
    driver("ACPI", "ACPI.sys", 0x000d_3000),
    driver("pci", "pci.sys", 0x0007_9000),
    driver("partmgr", "partmgr.sys", 0x0003_0000),
    driver("volmgr", "volmgr.sys", 0x0001_c000),
    driver("mountmgr", "mountmgr.sys", 0x0002_1000),
    driver("storahci", "storahci.sys", 0x0003_2000),
    driver("disk", "disk.sys", 0x0001_f000),
    filter("FileInfo", "FileInfo.sys", "40500", 0x0001_b000),
    filter("Wof", "Wof.sys", "40700", 0x0003_e000),
    driver("Ntfs", "Ntfs.sys", 0x002f_0000),
    driver("NDIS", "ndis.sys", 0x0018_1000),
    driver("NetIO", "NETIO.SYS", 0x0009_8000),
    driver("Tcpip", "tcpip.sys", 0x0030_9000),
    driver("volsnap", "volsnap.sys", 0x0007_5000),
    driver("Mup", "mup.sys", 0x0002_6000),
    filter("WdFilter", "WdFilter.sys", "328010", 0x0009_4000),
    filter("luafv", "luafv.sys", "135000", 0x0002_9000),
    filter("npsvctrig", "npsvctrig.sys", "46000", 0x0000_d000),
];

/// Stamp in the PE header of an in-box image: reproducible builds of Windows put a hash there.
pub(crate) fn timestamp(base_name: &str) -> u32 {
    base_name.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_comes_first_and_names_are_unique() {
        assert_eq!(LOADED[0].base_name, "ntoskrnl.exe");
        for (number, it) in LOADED.iter().enumerate() {
            assert_eq!(it.size % 0x1000, 0);
            assert!(LOADED[..number].iter().all(|other| !other.base_name.eq_ignore_ascii_case(it.base_name)));
        }
    }
}
