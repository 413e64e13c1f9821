//! `certutil -hashfile FILE [SHA256|SHA1|MD5 …]`; only the SHA-2 family is here.

use std::io::Read;

use sha2::digest::DynDigest;

use super::{Arguments, is_switch};
use crate::process::Process;

const NO_FILE: u32 = 0x8007_0002;

pub(super) fn run(process: &mut Process, arguments: &Arguments) -> u32 {
    if !is_switch(arguments.word(0), "hashfile") || arguments.words.len() < 2 {
        process.out("CertUtil: Unknown arg or missing argument");
        return 0x8007_0057;
    }
    let algorithm = if arguments.words.len() > 2 { arguments.word(2).to_ascii_uppercase() } else { "SHA1".to_owned() };
    let mut digest: Box<dyn DynDigest> = match algorithm.as_str() {
        "SHA256" => Box::new(sha2::Sha256::default()),
        "SHA384" => Box::new(sha2::Sha384::default()),
        "SHA512" => Box::new(sha2::Sha512::default()),
        _ => {
            process.out("CertUtil: -hashfile command FAILED: 0xd00000bb (-805306181)");
            return 0xd000_00bb;
        }
    };
    let name = arguments.word(1);
    let Ok(mut file) = std::fs::File::open(process.resolve(name)) else {
        process.out(format!("CertUtil: -hashfile command FAILED: 0x{NO_FILE:x} (WIN32: 2 ERROR_FILE_NOT_FOUND)"));
        process.out("CertUtil: The system cannot find the file specified.");
        return NO_FILE;
    };
    let mut part = vec![0; 64 << 10];
    while let Ok(length @ 1..) = file.read(&mut part) {
        digest.update(&part[..length]);
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    process.out(format!("{algorithm} hash of {name}:"));
    process.out(hex);
    process.out("CertUtil: -hashfile command completed successfully.");
    0
}
