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
/// character on the screen.
///
/// ```text
///          xor  ax, ax
///          mov  ds, ax
///          mov  word [8], 0x7c22  ; vector 2: nmi
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
pub(crate) const NMI: [u8; 43] = [
    0x31, 0xc0, 0x8e, 0xd8, 0xc7, 0x06, 0x08, 0x00, 0x22, 0x7c, 0xa3, 0x0a, 0x00, 0xba, 0xd4, 0x03, 0xb8, 0x0a, 0x20,
    0xef, 0xb8, 0x00, 0xb8, 0x8e, 0xc0, 0xba, 0xf8, 0x03, 0xb0, b'H', 0xee, 0xf4, 0xeb, 0xfd, 0xb0, b'N', 0xee, 0x26,
    0xfe, 0x06, 0x00, 0x00, 0xcf,
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
