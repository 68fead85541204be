//! Why a tool did not do what was asked, and with which status it ends then.

use std::error::Error;
use std::process::ExitCode;

use shardwright_journal::{
    BackupError, CopyError, JournalError, LockError, RecoveryError, RepairError,
};

/// What a tool ends with that does not succeed.
#[derive(Debug)]
pub enum Failure {
    /// What it was given is damaged, or is no backup. Status 1.
    Damaged(String),
    /// It could not do its work. Status 2.
    Failed(String),
}

impl Failure {
    /// Tells it on standard error; the process's status.
    pub fn report(&self) -> ExitCode {
        let (text, status) = match self {
            Self::Damaged(text) => (text, 1),
            Self::Failed(text) => (text, 2),
        };
        eprintln!("shardwright: {text}");
        ExitCode::from(status)
    }

    /// The same with more behind it.
    #[must_use]
    pub fn with(self, more: &str) -> Self {
        match self {
            Self::Damaged(text) => Self::Damaged(text + more),
            Self::Failed(text) => Self::Failed(text + more),
        }
    }

    /// Makes the failure of an error, after whether it tells of damage.
    fn of(is_damage: bool, error: &dyn Error) -> Self {
        let text = error.to_string();
        if is_damage { Self::Damaged(text) } else { Self::Failed(text) }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        Self::of(false, &error)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::of(false, &error)
    }
}

fn is_damage(error: &RecoveryError) -> bool {
    !matches!(error, RecoveryError::Journal(_) | RecoveryError::NoData)
}

impl From<RecoveryError> for Failure {
    fn from(error: RecoveryError) -> Self {
        Self::of(is_damage(&error), &error)
    }
}

impl From<RepairError> for Failure {
    fn from(error: RepairError) -> Self {
        match error {
            RepairError::Beyond(error) => error.into(),
            other => Self::of(true, &other),
        }
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Contents(error) => error.into(),
            other => Self::of(!matches!(other, BackupError::Journal(_)), &other),
        }
    }
}

impl<E: Error + Into<Self>> From<CopyError<E>> for Failure {
    fn from(error: CopyError<E>) -> Self {
        match error {
            CopyError::Source(error) => error.into(),
            CopyError::Target(_) => Self::of(false, &error),
        }
    }
}
