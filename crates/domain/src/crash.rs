//! Named points at which a test may end the process, as a power cut would.
//!
//! The moments around a commit and around the final dot are too short to be met by chance, so each has a name here. In a
//! build with the feature `failpoints` the variable `FAILPOINTS` says where to die (`after-dot=20*off->return`: at the
//! 21st time); in a shipped build reaching a point is nothing at all.

/// A moment at which dying must neither lose mail nor send it twice without a doubt on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A message is written, not committed.
    BeforeSubmitCommit,
    /// A message is committed, its 202 not written.
    AfterSubmitCommit,
    /// A lease is written, not committed.
    BeforeClaimCommit,
    /// A lease is committed, nothing attempted.
    AfterClaimCommit,
    /// A dot mark is written, not committed.
    BeforeMarkCommit,
    /// A dot mark is committed, the dot not written.
    AfterMarkCommit,
    /// The dot is written, its reply not read.
    AfterDot,
    /// The reply is read, the outcome not handed to the store.
    AfterReply,
    /// An outcome is written, not committed.
    BeforeSettleCommit,
    /// An outcome is committed.
    AfterSettleCommit,
    /// The data keys are wrapped with a new master key, which is on disk beside the old one; nothing is committed.
    BeforeRotateCommit,
    /// The data keys are wrapped with a new master key, which has not taken the old one's place on disk.
    AfterRotateCommit,
}

impl Point {
    /// Every point on a message's way, in its order; those of a rotation are met by its command alone.
    pub const ALL: [Self; 10] = [
        Self::BeforeSubmitCommit,
        Self::AfterSubmitCommit,
        Self::BeforeClaimCommit,
        Self::AfterClaimCommit,
        Self::BeforeMarkCommit,
        Self::AfterMarkCommit,
        Self::AfterDot,
        Self::AfterReply,
        Self::BeforeSettleCommit,
        Self::AfterSettleCommit,
    ];

    /// The name in `FAILPOINTS`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeSubmitCommit => "before-submit-commit",
            Self::AfterSubmitCommit => "after-submit-commit",
            Self::BeforeClaimCommit => "before-claim-commit",
            Self::AfterClaimCommit => "after-claim-commit",
            Self::BeforeMarkCommit => "before-mark-commit",
            Self::AfterMarkCommit => "after-mark-commit",
            Self::AfterDot => "after-dot",
            Self::AfterReply => "after-reply",
            Self::BeforeSettleCommit => "before-settle-commit",
            Self::AfterSettleCommit => "after-settle-commit",
            Self::BeforeRotateCommit => "before-rotate-commit",
            Self::AfterRotateCommit => "after-rotate-commit",
        }
    }

    /// Ends the process here where `FAILPOINTS` asks for it: no destructor runs, no buffer is flushed.
    pub fn reach(self) {
        #[cfg(feature = "failpoints")]
        fail::fail_point!(self.as_str(), |_| std::process::abort());
    }
}

/// The points as the environment set them; let go of when dropped.
pub struct Armed {
    #[cfg(feature = "failpoints")]
    _scenario: fail::FailScenario<'static>,
}

/// Reads `FAILPOINTS`, where there are points at all.
#[must_use]
pub fn arm() -> Armed {
    Armed {
        #[cfg(feature = "failpoints")]
        _scenario: fail::FailScenario::setup(),
    }
}
