//! Objects read member by member, where what one member must be depends on another, or on what is stored: every fault is
//! found, also where some members are wrong, and what nobody asked for is unknown.

use deserr::Deserr;
use domain::fault::{Fault, FaultCode};
use serde_json::{Map, Value};

use crate::body::{Faults, Patch, child};

/// An object that is being read.
pub(crate) struct Members<'a> {
    left: Map<String, Value>,
    pointer: String,
    is_object: bool,
    faults: &'a mut Faults,
    found_before: usize,
}

impl<'a> Members<'a> {
    /// The members of a value at `pointer`; what is no object has none.
    pub(crate) fn of(value: Value, pointer: &str, faults: &'a mut Faults) -> Self {
        let found_before = faults.0.len();
        let is_object = value.is_object();
        let left = match value {
            Value::Object(members) => members,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                faults.0.push(Fault::invalid("Must be an object.").at(pointer));
                Map::new()
            }
        };
        Self {
            left,
            pointer: pointer.to_owned(),
            is_object,
            faults,
            found_before,
        }
    }

    /// A member that must be there.
    pub(crate) fn required<T: Deserr<Faults>>(&mut self, name: &str) -> Option<T> {
        if self.left.contains_key(name) {
            return self.read(name);
        }
        if self.is_object {
            self.fault(name, Fault::new(FaultCode::Required, "This field is required."));
        }
        None
    }

    /// A member that may be absent or null.
    pub(crate) fn optional<T: Deserr<Faults>>(&mut self, name: &str) -> Option<T> {
        self.read::<Option<T>>(name).flatten()
    }

    /// A member of which absent and null are two things; one that is wrong counts as absent.
    pub(crate) fn patch<T: Deserr<Faults>>(&mut self, name: &str) -> Patch<T> {
        self.read(name).unwrap_or_default()
    }

    /// A member as it is, to be read by another; null is absent.
    pub(crate) fn taken(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// Notes a fault of a member.
    pub(crate) fn fault(&mut self, name: &str, fault: Fault) {
        let at = child(&self.pointer, name);
        self.faults.0.push(fault.at(&at));
    }

    /// What is left is unknown. Whether everything was as it must be.
    pub(crate) fn finish(self) -> Sound {
        for name in self.left.keys() {
            let fault = Fault::new(FaultCode::UnknownField, "There is no such field here.");
            self.faults.0.push(fault.at(&child(&self.pointer, name)));
        }
        if self.faults.0.len() == self.found_before {
            Sound::Yes
        } else {
            Sound::No
        }
    }

    fn read<T: Deserr<Faults>>(&mut self, name: &str) -> Option<T> {
        let value = self.left.remove(name)?;
        let read: Result<T, Faults> = deserr::deserialize(value);
        read.map_err(|faults| {
            let at = child(&self.pointer, name);
            self.faults.0.extend(faults.0.into_iter().map(|fault| fault.at(&at)));
        })
        .ok()
    }
}

/// Whether an object had no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sound {
    /// It had none.
    Yes,
    /// It had some.
    No,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::body::Bounded;

    #[test]
    fn every_fault_is_found_with_its_pointer_and_the_rest_is_read() {
        let mut faults = Faults::default();
        let value = json!({ "port": 0, "name": "x", "flag": null, "extra": 1, "a/b": 2 });
        let mut members = Members::of(value, "/smtp", &mut faults);
        assert!(members.required::<Bounded<1, 65535>>("port").is_none());
        assert_eq!(members.optional::<String>("name").as_deref(), Some("x"));
        assert!(matches!(members.patch::<String>("flag"), Patch::Null));
        assert!(matches!(members.patch::<String>("gone"), Patch::Absent));
        assert!(members.required::<String>("missing").is_none());
        assert_eq!(members.finish(), Sound::No);
        let found: Vec<_> = faults.0.iter().map(|f| (f.pointer.as_str(), f.code.as_str())).collect();
        assert_eq!(
            found,
            [
                ("/smtp/port", "out_of_range"),
                ("/smtp/missing", "required"),
                ("/smtp/a~1b", "unknown_field"),
                ("/smtp/extra", "unknown_field"),
            ]
        );
    }

    #[test]
    fn what_is_no_object_has_one_fault_and_not_one_for_each_member() {
        let mut faults = Faults::default();
        let mut members = Members::of(json!([1]), "", &mut faults);
        assert!(members.required::<String>("name").is_none());
        assert_eq!(members.finish(), Sound::No);
        assert_eq!(faults.0.len(), 1);
    }
}
