//! spec/runtime/published.md · 3.1.1, 3.1.6 (what one module owns and others read)
//!
//! A value that its owner replaces whole and that everybody reads.

use parking_lot::RwLock;
use std::sync::Arc;

/// An immutable value behind a lock that is held for as long as it takes to clone or replace an `Arc`.
#[derive(Debug, Default)]
pub struct Published<T>(RwLock<Arc<T>>);

impl<T> Published<T> {
    /// With a first value.
    pub fn new(value: impl Into<Arc<T>>) -> Published<T> {
        Published(RwLock::new(value.into()))
    }

    /// What it is now.
    pub fn load(&self) -> Arc<T> {
        Arc::clone(&self.0.read())
    }

    /// Replaces it whole.
    pub fn store(&self, value: impl Into<Arc<T>>) {
        let value = value.into();
        let old = std::mem::replace(&mut *self.0.write(), value);
        // A large value is freed here, after the lock, not under it.
        drop(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_keep_what_they_loaded() {
        let list: Published<Vec<i32>> = Published::new(vec![1]);
        let before = list.load();
        list.store(vec![1, 2]);
        let shared = Arc::new(vec![3]);
        assert_eq!(
            (before.as_slice(), list.load().as_slice()),
            (&[1][..], &[1, 2][..])
        );
        list.store(Arc::clone(&shared));
        assert!(Arc::ptr_eq(&list.load(), &shared));
    }

    /// Its end looks at the value that replaced it, which would wait for ever under the lock.
    struct Looks(Option<Arc<Published<Looks>>>);

    impl Drop for Looks {
        fn drop(&mut self) {
            if let Some(place) = &self.0 {
                assert!(place.0.try_read().is_some(), "freed under the lock");
            }
        }
    }

    #[test]
    fn the_old_value_is_freed_after_the_lock() {
        let place = Arc::new(Published::new(Looks(None)));
        place.store(Looks(Some(Arc::clone(&place))));
        place.store(Looks(None));
    }
}
