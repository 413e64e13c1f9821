//! Where the fault was: the instructions that the dump names, and the registers at that moment.
//!
//! A stop is made by a routine of the kernel, some frames after the fault, and for most codes the header's context is
//! that routine's. What lies on the stack between the two is the work of trap handlers. So the registers of the fault are
//! looked for: in the context record or the trap frame that a parameter points to, then in what the processor itself put
//! on the stack as it trapped.

use crate::bytes::Bytes;
use crate::dump::{Architecture, Context, KernelDump, Memory};
use crate::stop_codes::{self, Suspects, Trap};

/// `KTRAP_FRAME` of x64 (public symbols) up to what the processor itself put there, and with it.
const MACHINE_FRAME: u64 = 0x168;
const TRAP_FRAME: u64 = MACHINE_FRAME + 0x28;
/// Traps on one stack that are looked at; a few nest, and no more.
const MAX_FRAMES: usize = 64;
/// Bytes of an `EXCEPTION_RECORD64` up to the address of the instruction, and where that lies.
const EXCEPTION_RECORD: u64 = 0x18;
const EXCEPTION_ADDRESS: u64 = 0x10;

/// An instruction that the dump names, and what it is.
pub(crate) struct Told {
    pub(crate) what: String,
    pub(crate) address: u64,
    /// Whether it is that of the fault: the header's context is that of the routine that makes every stop, as a rule.
    pub(crate) is_the_fault: bool,
}

/// Those that parameters tell of, then that of the context, the one nearest to the fault first.
pub(crate) fn instructions(dump: &KernelDump<'_>) -> Vec<Told> {
    let context = dump.context.map(|context| Told {
        what: "the context's instruction pointer".to_owned(),
        address: context.instruction,
        is_the_fault: stop_codes::header_has_the_fault(dump.stop_code),
    });
    told(dump).into_iter().chain(context).collect()
}

/// The faulting instruction by a parameter, or by the record that one points to.
fn told(dump: &KernelDump<'_>) -> Vec<Told> {
    let told = |what: String, address: u64| Told { what, address, is_the_fault: true };
    let direct = match stop_codes::suspects(dump.stop_code) {
        Suspects::Parameter(number) => {
            dump.parameter(number).map(|address| told(format!("parameter {number}, the faulting instruction"), address))
        }
        Suspects::Hints | Suspects::Nobody(_) => None,
    };
    let by_record = |number: usize, record: &str, address: u64| {
        told(format!("the instruction in parameter {number}'s {record}"), address)
    };
    let exception = stop_codes::exception_record(dump.stop_code)
        .and_then(|number| Some(by_record(number, "exception record", in_exception_record(dump, number)?)));
    let context = stop_codes::context_record(dump.stop_code)
        .and_then(|number| Some(by_record(number, "context record", in_context_record(dump, number)?.instruction)));
    let trap = stop_codes::trap_frame(dump.stop_code)
        .and_then(|number| Some(by_record(number, "trap frame", in_trap_frame(dump, number)?.instruction)));
    let at_trap = first_trap(dump, Trap::Fault)
        .map(|context| told("the instruction that trapped".to_owned(), context.instruction));
    direct.into_iter().chain(exception).chain(context).chain(trap).chain(at_trap).collect()
}

/// The registers of the fault where they can be found, else those of the header.
pub(crate) fn registers(dump: &KernelDump<'_>) -> Option<Context> {
    at_the_fault(dump).or(dump.context)
}

fn at_the_fault(dump: &KernelDump<'_>) -> Option<Context> {
    let context = || in_context_record(dump, stop_codes::context_record(dump.stop_code)?);
    let trap = || in_trap_frame(dump, stop_codes::trap_frame(dump.stop_code)?);
    let machine = || told(dump).into_iter().find_map(|told| trapped(dump, |instruction| instruction == told.address));
    let first = || first_trap(dump, Trap::Fault).or_else(|| first_trap(dump, Trap::Clock));
    context().or_else(trap).or_else(machine).or_else(first)
}

/// Whether a trap's handlers stand between the stack pointer that is known and the fault: no return address is near then.
pub(crate) fn is_far_from_the_fault(dump: &KernelDump<'_>) -> bool {
    let code = dump.stop_code;
    let by_a_trap = matches!(stop_codes::suspects(code), Suspects::Parameter(_)) || stop_codes::trap(code).is_some();
    by_a_trap && !stop_codes::header_has_the_fault(code) && at_the_fault(dump).is_none()
}

/// The nearest trap on the stack, where a trap of this kind led to the stop. Of 0xFC it is that of the address which was
/// to be executed and lies in no module.
pub(crate) fn first_trap(dump: &KernelDump<'_>, kind: Trap) -> Option<Context> {
    (stop_codes::trap(dump.stop_code)? == kind).then_some(())?;
    let executed = (stop_codes::base_code(dump.stop_code) == 0xfc).then(|| dump.parameter(1)).flatten();
    trapped(dump, |instruction| match executed {
        Some(executed) => instruction == executed,
        None => dump.driver_at(instruction).is_some(),
    })
}

/// Address and length of the records that parameters point to: what must be at hand to find the fault.
pub(crate) fn records(dump: &KernelDump<'_>) -> impl Iterator<Item = (u64, u64)> {
    let code = dump.stop_code;
    [
        (stop_codes::exception_record(code), EXCEPTION_RECORD),
        (stop_codes::context_record(code), Context::SIZE),
        (stop_codes::trap_frame(code), TRAP_FRAME),
    ]
    .into_iter()
    .filter_map(|(number, length)| Some((dump.parameter(number?)?, length)))
}

fn in_exception_record(dump: &KernelDump<'_>, number: usize) -> Option<u64> {
    let record = Bytes(dump.memory.read(dump.parameter(number)?, EXCEPTION_RECORD)?);
    // Exceptions are errors or warnings; other numbers tell that no record lies there.
    record.u32(0).filter(|code| code >> 31 == 1)?;
    record.u64(EXCEPTION_ADDRESS)
}

fn in_context_record(dump: &KernelDump<'_>, number: usize) -> Option<Context> {
    let record = Bytes(dump.memory.read(dump.parameter(number)?, Context::SIZE)?);
    Context::read(record, dump.width, dump.architecture?).filter(|context| dump.width.is_kernel(context.stack))
}

fn in_trap_frame(dump: &KernelDump<'_>, number: usize) -> Option<Context> {
    (dump.architecture == Some(Architecture::X64)).then_some(())?;
    let frame = dump.parameter(number)?.checked_add(MACHINE_FRAME)?;
    let slots: Vec<u64> = Memory::longs(dump.memory.read(frame, TRAP_FRAME - MACHINE_FRAME)?).collect();
    machine_frame(&slots).filter(|context| dump.width.is_kernel(context.stack))
}

/// The nearest of what an x64 processor puts on the stack as it traps: instruction, code segment, flags, stack pointer,
/// stack segment. With an instruction that fits and a stack pointer above it, it cannot be much else (so in both real
/// dumps that have one).
fn trapped(dump: &KernelDump<'_>, fits: impl Fn(u64) -> bool) -> Option<Context> {
    (dump.architecture == Some(Architecture::X64)).then_some(())?;
    let (start, copy) = dump.memory.stack()?;
    let end = start.checked_add(copy.len() as u64)?;
    let from = dump.context.map_or(start, |context| context.stack);
    let slots: Vec<(u64, u64)> = dump.memory.slots_from(from).collect();
    let frames = slots.windows(5).filter_map(|window| {
        let [instruction, code, flags, stack, segment] = window else { return None };
        let frame = machine_frame(&[instruction.1, code.1, flags.1, stack.1, segment.1])?;
        (segment.0..end).contains(&frame.stack).then_some(frame)
    });
    frames.take(MAX_FRAMES).find(|frame| fits(frame.instruction))
}

fn machine_frame(slots: &[u64]) -> Option<Context> {
    /// Selectors of x64 Windows; the stack's is empty where the processor changed stacks.
    const KERNEL_CODE: u64 = 0x10;
    const KERNEL_STACK: [u64; 2] = [0, 0x18];
    /// Set in the flags of every processor.
    const ALWAYS: u64 = 2;
    let &[instruction, code, flags, stack, segment] = slots else { return None };
    let of_kernel = code & 0xffff == KERNEL_CODE && KERNEL_STACK.contains(&(segment & 0xffff));
    let are_flags = flags & ALWAYS != 0 && flags >> 32 == 0;
    (of_kernel && are_flags).then_some(Context { instruction, stack, link: None })
}
