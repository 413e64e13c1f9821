//! Windows' frameworks: modules through which other drivers are called, and call. One of them on the stack says no more
//! than the kernel does; a fault in one is mostly the doing of the driver it worked for.

/// Base names. Not here: products of Microsoft that do something of their own, such as Defender's `wdfilter.sys`, file
/// systems, and drivers of devices.
const FRAMEWORKS: &[&str] = &[
    // Driver Verifier.
    "verifierext.sys",
    // The driver frameworks: KMDF, and what it is extended by.
    "wdf01000.sys",
    "wdfldr.sys",
    "netadaptercx.sys",
    "msgpioclx.sys",
    "spbcx.sys",
    "sercx.sys",
    "sercx2.sys",
    "wpprecorder.sys",
    // File system filters.
    "fltmgr.sys",
    // Network: miniports, filters, callouts.
    "ndis.sys",
    "netio.sys",
    "tcpip.sys",
    "fwpkclnt.sys",
    "tdi.sys",
    "tdx.sys",
    // Storage: ports and classes.
    "storport.sys",
    "scsiport.sys",
    "ataport.sys",
    "classpnp.sys",
    // Audio, input, USB, display.
    "portcls.sys",
    "ks.sys",
    "hidclass.sys",
    "usbport.sys",
    "usbd.sys",
    "ucx01000.sys",
    "videoprt.sys",
    "watchdog.sys",
    "dxgkrnl.sys",
    "dxgmms1.sys",
    "dxgmms2.sys",
];

/// Whether a module carries other drivers' calls.
pub(crate) fn is_framework(module: &str) -> bool {
    FRAMEWORKS.contains(&module)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::base_name;

    #[test]
    fn names_are_as_dumps_have_them_and_products_are_none() {
        assert!(FRAMEWORKS.iter().all(|name| base_name(name) == *name));
        for product in ["wdfilter.sys", "wdboot.sys", "wdnisdrv.sys", "ntfs.sys", "csagent.sys", "ntoskrnl.exe"] {
            assert!(!is_framework(product), "{product}");
        }
    }
}
