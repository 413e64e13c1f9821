//! What a test has happen to an arm.

use coexist_lab::UnexpectedEnd;
use coexist_model::FaultKind;

use crate::loot::Loot;

/// What a boot does, or what happens while a boot is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Comes up and stays.
    Good,
    /// Crashes while starting, writes a dump, resets.
    Crash,
    /// Resets while starting, without a word.
    Reset,
    /// Restarts in order while starting, as servicing does.
    Restart,
    /// Resets while starting, before its log knows of the boot.
    EarlyReset,
    /// Stands still while starting: silent, the same picture, no work of its disk.
    Hang,
    /// Needs this many seconds to come up, and works all the while.
    Slow(u64),
    /// Comes up without a network, and works on.
    NoNetwork,
    /// Crashes while starting, and stays as it is.
    StopForGood,
    /// Comes up, and crashes this many milliseconds later.
    CrashLater(u64),
    /// Comes up, and resets this many milliseconds later, without a word.
    ResetLater(u64),
    /// Comes up, and stops this many milliseconds later with a code that only its log tells of.
    StopUnseenLater(u64),
    /// Comes up, and its log tells that the boot before ended out of order, which nobody saw.
    Dirty,
    /// Comes up, but its SSH service does not listen.
    Refuse,
    /// Comes up with another host key.
    WrongKey,
    /// Comes up, but does not know the lab's key any more.
    Lockout,
    /// Comes up, lets the lab in and runs nothing for it.
    Contain,
    /// Comes up, but its SSH service takes this many seconds to greet whoever connects.
    LateBanner(u64),
    /// QEMU ends while the boot starts.
    Die,
}

/// What befalls a guest during the candidate's installation or an exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blow {
    /// The stack crashes under it.
    Crash,
    /// The connection breaks, nothing else.
    Cut,
    /// The connection breaks, the guest answers once more, and stands still a few seconds later.
    CutThenHang,
    /// The connection breaks, the guest answers once more, and its network goes silent a few seconds later.
    CutThenSilence,
    /// The connection breaks while the package is on its way.
    CutTransfer,
    /// Less of the package is there than was sent.
    ShortWrite,
    /// The same, as the stack crashes.
    ShortWriteInCrash,
    /// The guest's disk is full.
    GuestFull,
    /// The SSH service starts no command.
    Contain,
    /// The SSH service no longer accepts the lab's key.
    Lockout,
    /// Another guest answers where this one did, although nothing restarted.
    Stranger,
    /// QEMU is killed.
    Die,
    /// The network of the guest goes silent.
    Silence,
    /// The guest stands still.
    Hang,
    /// The product's service ends.
    EndService,
    /// The product's service ends, and is back after this many seconds.
    EndServiceFor(u64),
    /// The product's filter is detached.
    DetachFilter,
    /// There is a dump of which nobody told.
    QuietDump,
    /// Its SSH service is stopped.
    Refuse,
    /// It restarts in order, asked by nobody.
    Restart,
    /// The installer never ends.
    Never,
    /// The installer ends with this code; with 1641 the guest restarts a moment later.
    Code(u32),
    /// The installer restarts the guest, and nobody hears its exit code.
    RestartUnheard,
    /// The installer restarts the guest, and its connection stands until its time is over.
    RestartUnnoticed,
    /// The guest restarts in order while the package is on its way.
    RestartInTransfer,
    /// The installer ends with this code, and the guest restarts in order at once.
    CodeAndRestart(u32),
    /// The guest restarts without a word, and as it comes up QEMU dies.
    ResetThenDie,
    /// Another installation runs this many times, then it works.
    Busy(u32),
    /// The host's disk is full: QEMU pauses.
    NoSpace,
}

/// What will happen in one attempt at an arm.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// What the provider says instead of making a machine.
    pub(crate) no_machine: Option<FaultKind>,
    /// By how many hours the guest's clock is off.
    pub(crate) clock_off: i64,
    /// Fates of the boots, in order; all further ones are good.
    pub(crate) boots: Vec<Fate>,
    /// Whether the candidate is an update of Windows, after which servicing may restart the guest.
    pub(crate) updates_windows: bool,
    /// Falls during the candidate's installation.
    pub(crate) candidate: Option<Blow>,
    /// Falls during the dwell (only those that give a sign).
    pub(crate) dwell: Option<Blow>,
    /// Whether a setting refuses to take effect.
    pub(crate) stubborn: bool,
    /// Whether the first service that is probed is down.
    pub(crate) sick: bool,
    /// Whether one look gets an answer that nobody understands.
    pub(crate) odd: bool,
    /// Whether the stack cannot do its work.
    pub(crate) feeble: bool,
    /// Whether one look gets no answer in its time.
    pub(crate) slow: bool,
    /// After how many of these the guest stands still, a few seconds later; never at 0.
    pub(crate) hangs_after_slow: u32,
    /// What befalls the guest, once the candidate is there, instead of the restart that it accepted.
    pub(crate) no_restart: Option<Blow>,
    /// How many questions for the log's word on boots break, once the candidate is there.
    pub(crate) records_break: u32,
    /// Whether these break with an answer that nobody understands, and not with the connection.
    pub(crate) records_odd: bool,
    /// What befalls the guest as the first of them breaks.
    pub(crate) at_record: Option<Blow>,
    /// Whether what vanished does not come back at the next boot.
    pub(crate) vanished_for_good: bool,
    /// Whether the machine cannot tell what it does.
    pub(crate) blind: bool,
    /// Whether the machine itself does not answer any more when it is asked.
    pub(crate) hung_machine: bool,
    /// Whether the machine knows, when it is asked, that the host's memory was what ended it.
    pub(crate) starved_machine: bool,
    /// What the guest's own log tells of ends of boots, from the second boot on.
    pub(crate) log: Vec<UnexpectedEnd>,
    /// What there is to be had as evidence.
    pub(crate) loot: Loot,
}
