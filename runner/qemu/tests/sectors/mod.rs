//! Boot sectors for the live tests. Each is the program's bytes; the world pads it to a bootable disk. They run in real
//! mode at 0000:7c00 as the BIOS leaves them there.

/// Prints `round`, then resets through the chipset's reset register, for ever.
///
/// ```text
///          mov  dx, 0x3f8         ; first serial port
///          lea  si, [0x7c1a]      ; the text (with a cs prefix that does nothing)
/// next:    cs lodsb
///          test al, al
///          jz   reset
///          out  dx, al
///          jmp  next
/// reset:   mov  dx, 0xcf9
///          mov  al, 6
///          out  dx, al
/// wait:    hlt
///          jmp  wait
///          db   "round", 10, 0
/// ```
pub(crate) const RESET: [u8; 33] = [
    0xba, 0xf8, 0x03, 0x2e, 0x8d, 0x36, 0x1a, 0x7c, 0x2e, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf7, 0xba, 0xf9,
    0x0c, 0xb0, 0x06, 0xee, 0xf4, 0xeb, 0xfd, b'r', b'o', b'u', b'n', b'd', b'\n', 0,
];

/// Prints `H` and waits for ever.
///
/// ```text
///          mov  dx, 0x3f8
///          mov  al, 'H'
///          out  dx, al
/// wait:    hlt
///          jmp  wait
/// ```
pub(crate) const HALT: [u8; 9] = [0xba, 0xf8, 0x03, 0xb0, b'H', 0xee, 0xf4, 0xeb, 0xfd];

/// Powers off through the ACPI control register, where SeaBIOS puts it on q35.
///
/// ```text
///          mov  dx, 0x604
///          mov  ax, 0x2000
///          out  dx, ax
/// wait:    hlt
///          jmp  wait
/// ```
pub(crate) const POWER_OFF: [u8; 10] = [0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4, 0xeb, 0xfd];

/// Tells the panic device (PCI 00:05.0) that a dump is written, then that it panicked, then resets. The device's register
/// lies high in memory, so `fs` gets a segment without a limit first.
///
/// ```text
///          cli
///          mov  dx, 0xcf8         ; PCI configuration: address …
///          mov  eax, 0x80002810   ; … of the first base address of 00:05.0
///          out  dx, eax
///          mov  dx, 0xcfc
///          in   eax, dx
///          and  eax, 0xfffffff0
///          mov  ebx, eax
///          xor  ax, ax
///          mov  ds, ax
///          lgdt [0x7c46]
///          mov  eax, cr0
///          or   al, 1
///          mov  cr0, eax
///          mov  cx, 8
///          mov  fs, cx
///          and  al, 0xfe
///          mov  cr0, eax
///          mov  byte [fs:ebx], 2  ; a dump is written
///          mov  byte [fs:ebx], 1  ; panicked
///          mov  dx, 0xcf9
///          mov  al, 6
///          out  dx, al
/// wait:    hlt
///          jmp  wait
///          dw   15                ; 0x7c46: table of two descriptors
///          dd   0x7c4c
///          dq   0, 0x00cf92000000ffff
/// ```
pub(crate) const PANIC: [u8; 92] = [
    0xfa, 0xba, 0xf8, 0x0c, 0x66, 0xb8, 0x10, 0x28, 0x00, 0x80, 0x66, 0xef, 0xba, 0xfc, 0x0c, 0x66, 0xed, 0x66, 0x83,
    0xe0, 0xf0, 0x66, 0x89, 0xc3, 0x31, 0xc0, 0x8e, 0xd8, 0x0f, 0x01, 0x16, 0x46, 0x7c, 0x0f, 0x20, 0xc0, 0x0c, 0x01,
    0x0f, 0x22, 0xc0, 0xb9, 0x08, 0x00, 0x8e, 0xe1, 0x24, 0xfe, 0x0f, 0x22, 0xc0, 0x64, 0x67, 0xc6, 0x03, 0x02, 0x64,
    0x67, 0xc6, 0x03, 0x01, 0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xf4, 0xeb, 0xfd, 0x0f, 0x00, 0x4c, 0x7c, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0x92, 0xcf, 0x00,
];

/// Writes zeroes upwards over the disk for ever, 64 sectors at a time, by the BIOS.
///
/// ```text
///          xor  ax, ax
///          mov  ds, ax
/// again:   mov  si, 0x7c20        ; the packet
///          mov  ax, 0x4300        ; extended write
///          mov  dl, 0x80
///          int  0x13
///          mov  dx, 0x3f8
///          mov  al, '.'
///          jnc  told
///          mov  al, '!'
/// told:    out  dx, al
///          add  dword [0x7c28], 64
///          jmp  again
///          db   16, 0             ; 0x7c20: size of the packet
///          dw   64                ; sectors
///          dw   0, 0x1000         ; memory 1000:0000
///          dq   64                ; first sector
/// ```
pub(crate) const FILL: [u8; 48] = [
    0x31, 0xc0, 0x8e, 0xd8, 0xbe, 0x20, 0x7c, 0xb8, 0x00, 0x43, 0xb2, 0x80, 0xcd, 0x13, 0xba, 0xf8, 0x03, 0xb0, 0x2e,
    0x73, 0x02, 0xb0, 0x21, 0xee, 0x66, 0x83, 0x06, 0x28, 0x7c, 0x40, 0xeb, 0xe4, 0x10, 0x00, 0x40, 0x00, 0x00, 0x00,
    0x00, 0x10, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
];

/// Hides the cursor, prints `H` and waits for ever. A non-maskable interrupt has it print `N` and change the first
/// character on the screen. Other interrupts are off: one that finds the firmware at its clock's finds its registers too,
/// and the letter would go to whatever port they name.
///
/// ```text
///          cli
///          xor  ax, ax
///          mov  ds, ax
///          mov  word [8], 0x7c23  ; vector 2: nmi
///          mov  [10], ax
///          mov  dx, 0x3d4         ; a cursor that blinks would make two pictures of one screen
///          mov  ax, 0x200a
///          out  dx, ax
///          mov  ax, 0xb800
///          mov  es, ax
///          mov  dx, 0x3f8
///          mov  al, 'H'
///          out  dx, al
/// wait:    hlt
///          jmp  wait
/// nmi:     mov  al, 'N'
///          out  dx, al
///          inc  byte [es:0]
///          iret
/// ```
pub(crate) const NMI: [u8; 44] = [
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0xc7, 0x06, 0x08, 0x00, 0x23, 0x7c, 0xa3, 0x0a, 0x00, 0xba, 0xd4, 0x03, 0xb8, 0x0a,
    0x20, 0xef, 0xb8, 0x00, 0xb8, 0x8e, 0xc0, 0xba, 0xf8, 0x03, 0xb0, b'H', 0xee, 0xf4, 0xeb, 0xfd, 0xb0, b'N', 0xee,
    0x26, 0xfe, 0x06, 0x00, 0x00, 0xcf,
];

/// Decodes 16 bytes of its own (by XOR with 0x5a) to 5000:0, prints `H` and waits for ever.
///
/// ```text
///          xor  ax, ax
///          mov  ds, ax
///          mov  ax, 0x5000
///          mov  es, ax
///          mov  si, 0x7c20
///          xor  di, di
///          mov  cx, 16
/// next:    lodsb
///          xor  al, 0x5a
///          stosb
///          loop next
///          mov  dx, 0x3f8
///          mov  al, 'H'
///          out  dx, al
/// wait:    hlt
///          jmp  wait
///          db   ...               ; 0x7c20: `MEMORY_WORDS`, encoded
/// ```
pub(crate) const MEMORY: [u8; 48] = {
    let mut sector = [0; 48];
    let program = [
        0x31, 0xc0, 0x8e, 0xd8, 0xb8, 0x00, 0x50, 0x8e, 0xc0, 0xbe, 0x20, 0x7c, 0x31, 0xff, 0xb9, 0x10, 0x00, 0xac,
        0x34, 0x5a, 0xaa, 0xe2, 0xfa, 0xba, 0xf8, 0x03, 0xb0, b'H', 0xee, 0xf4, 0xeb, 0xfd,
    ];
    let mut at = 0;
    while at < sector.len() {
        sector[at] = if at < program.len() { program[at] } else { MEMORY_WORDS[at - program.len()] ^ 0x5a };
        at += 1;
    }
    sector
};
/// What [`MEMORY`] leaves in the guest's memory, and is nowhere on its disk.
pub(crate) const MEMORY_WORDS: &[u8; 16] = b"coexist was here";
/// Where.
pub(crate) const MEMORY_ADDRESS: u64 = 0x5_0000;

/// Loads the sectors behind it to 2000:0, hands QEMU a note there through `fw_cfg`'s file `etc/vmcoreinfo` (QEMU's
/// `docs/specs/fw_cfg.rst` and `vmcoreinfo.rst`), prints `H` (or `?` when there is no such file) and waits for ever.
///
/// ```text
///          xor  ax, ax
///          mov  ds, ax
///          mov  es, ax
///          cld
///          mov  si, 0x7c64        ; the packet
///          mov  ah, 0x42          ; extended read
///          mov  dl, 0x80
///          int  0x13
///          mov  dx, 0x510         ; select the list of files
///          mov  ax, 0x19
///          out  dx, ax
///          inc  dx                ; its count, big-endian
///          in   al, dx
///          in   al, dx
///          in   al, dx
///          mov  ch, al
///          in   al, dx
///          mov  cl, al
/// entry:   mov  bx, cx
///          mov  di, 0x7e00
///          mov  cx, 64
///          rep  insb
///          mov  si, 0x7c74        ; the name
///          mov  di, 0x7e08
///          mov  cx, 15
///          repe cmpsb
///          je   found
///          mov  cx, bx
///          loop entry
///          mov  al, '?'
///          jmp  tell
/// found:   mov  ax, [0x7e04]      ; its number, as big-endian as it is wanted
///          mov  [0x7c83], ax
///          mov  dx, 0x514
///          xor  eax, eax
///          out  dx, eax
///          mov  dx, 0x518         ; write the file
///          mov  eax, 0x7c83
///          bswap eax
///          out  dx, eax
///          mov  al, 'H'
/// tell:    mov  dx, 0x3f8
///          out  dx, al
/// wait:    hlt
///          jmp  wait
///          db   16, 0             ; 0x7c64: size of the packet
///          dw   24                ; sectors
///          dw   0, 0x2000         ; memory 2000:0000
///          dq   1                 ; first sector
///          db   "etc/vmcoreinfo", 0
///          db   0, 0, 0, 0x18     ; 0x7c83: select and write, big-endian all of it
///          db   0, 0, 0, 16       ; bytes
///          db   0, 0, 0, 0, 0, 0, 0x7c, 0x93
///          dw   0, 1              ; 0x7c93: the guest's note is an ELF note, little-endian
///          dd   0x2018            ; bytes
///          dq   0x20000           ; where
/// ```
const NOTE: [u8; 163] = [
    0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0xfc, 0xbe, 0x64, 0x7c, 0xb4, 0x42, 0xb2, 0x80, 0xcd, 0x13, 0xba, 0x10, 0x05,
    0xb8, 0x19, 0x00, 0xef, 0x42, 0xec, 0xec, 0xec, 0x88, 0xc5, 0xec, 0x88, 0xc1, 0x89, 0xcb, 0xbf, 0x00, 0x7e, 0xb9,
    0x40, 0x00, 0xf3, 0x6c, 0xbe, 0x74, 0x7c, 0xbf, 0x08, 0x7e, 0xb9, 0x0f, 0x00, 0xf3, 0xa6, 0x74, 0x08, 0x89, 0xd9,
    0xe2, 0xe5, 0xb0, 0x3f, 0xeb, 0x1e, 0xa1, 0x04, 0x7e, 0xa3, 0x83, 0x7c, 0xba, 0x14, 0x05, 0x66, 0x31, 0xc0, 0x66,
    0xef, 0xba, 0x18, 0x05, 0x66, 0xb8, 0x83, 0x7c, 0x00, 0x00, 0x66, 0x0f, 0xc8, 0x66, 0xef, 0xb0, 0x48, 0xba, 0xf8,
    0x03, 0xee, 0xf4, 0xeb, 0xfd, 0x10, 0x00, 0x18, 0x00, 0x00, 0x00, 0x00, 0x20, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x65, 0x74, 0x63, 0x2f, 0x76, 0x6d, 0x63, 0x6f, 0x72, 0x65, 0x69, 0x6e, 0x66, 0x6f, 0x00, 0x00, 0x00,
    0x00, 0x18, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x7c, 0x93, 0x00, 0x00, 0x01, 0x00, 0x18,
    0x20, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00,
];

/// A guest that gives QEMU what a Windows dump needs: [`NOTE`], the header of a dump, and debugger data that lead nowhere
/// bad. `runs` are the first pages and the numbers of pages that belong to the dump.
pub(crate) fn windows_note(runs: &[(u64, u64)]) -> Vec<u8> {
    const NOTE_AT: u64 = 0x2_0000;
    const HEADER: usize = 512 + 24;
    const DEBUGGER: usize = 512 + 0x2200;
    const POINTERS: usize = 512 + 0x2600;
    const END: usize = 512 + 0x3000;
    let in_memory = |at: usize| NOTE_AT + u64::try_from(at - 512).unwrap();
    let mut disk = vec![0; END];
    let mut put = |at: usize, bytes: &[u8]| disk[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &NOTE);
    // An ELF note: lengths of its name and of what it holds, then the name.
    put(512, &[11, 0, 0, 0, 0, 0x20, 0, 0]);
    put(512 + 12, b"VMCOREINFO");
    put(HEADER, b"PAGEDU64");
    put(HEADER + 0x80, &in_memory(DEBUGGER).to_le_bytes());
    put(HEADER + 0x88, &u32::try_from(runs.len()).unwrap().to_le_bytes());
    for (number, (first, count)) in runs.iter().enumerate() {
        put(HEADER + 0x98 + 16 * number, &first.to_le_bytes());
        put(HEADER + 0xa0 + 16 * number, &count.to_le_bytes());
    }
    // Whatever QEMU follows here is a pointer to pointers.
    for at in (DEBUGGER..END).step_by(8) {
        put(at, &in_memory(POINTERS).to_le_bytes());
    }
    put(DEBUGGER + 0x10, b"KDBG");
    disk
}
