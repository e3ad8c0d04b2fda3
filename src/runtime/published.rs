//! spec/runtime.md · 3.1.1 Main Module, 3.1.6 Asset Management
//!
//! An immutable value that its owner replaces as a whole and other threads read.

use parking_lot::RwLock;
use std::sync::Arc;

/// An immutable value. Its lock is held only to clone or replace an `Arc`.
#[derive(Debug, Default)]
pub struct Published<T>(RwLock<Arc<T>>);

impl<T> Published<T> {
    /// Publishes a first value.
    pub fn new(value: impl Into<Arc<T>>) -> Published<T> {
        Published(RwLock::new(value.into()))
    }

    /// The current value.
    pub fn load(&self) -> Arc<T> {
        Arc::clone(&self.0.read())
    }

    /// Replaces the value.
    pub fn store(&self, value: impl Into<Arc<T>>) {
        let value = value.into();
        let old = std::mem::replace(&mut *self.0.write(), value);
        // Freeing a large value takes time, so it happens after the lock is released.
        drop(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_keep_the_value_that_they_loaded() {
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

    /// Reads the published value when it is dropped, which fails under the lock.
    struct ReadsOnDrop(Option<Arc<Published<ReadsOnDrop>>>);

    impl Drop for ReadsOnDrop {
        fn drop(&mut self) {
            if let Some(published) = &self.0 {
                assert!(published.0.try_read().is_some(), "freed under the lock");
            }
        }
    }

    #[test]
    fn the_old_value_is_freed_after_the_lock() {
        let published = Arc::new(Published::new(ReadsOnDrop(None)));
        published.store(ReadsOnDrop(Some(Arc::clone(&published))));
        published.store(ReadsOnDrop(None));
    }
}
