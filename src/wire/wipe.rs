//! spec/wire.md · 2.1.3 Critical Data (session IDs and hashed passwords pass through buffers)
//!
//! Operations on a `Vec<u8>` that wipe the bytes which the vector removes or leaves behind when it
//! grows.

use zeroize::Zeroize;

/// Reserves capacity for `more` bytes. If the bytes move, the old copy is wiped.
pub fn reserve(bytes: &mut Vec<u8>, more: usize) {
    if bytes.capacity() - bytes.len() >= more {
        return;
    }
    let wanted = bytes
        .len()
        .saturating_add(more)
        .max(bytes.capacity().saturating_mul(2));
    let mut larger = Vec::with_capacity(wanted);
    larger.extend_from_slice(bytes);
    bytes.as_mut_slice().zeroize();
    *bytes = larger;
}

/// Appends `more`.
pub fn append(bytes: &mut Vec<u8>, more: &[u8]) {
    reserve(bytes, more.len());
    bytes.extend_from_slice(more);
}

/// Removes and wipes the first `size` bytes.
pub fn drop_front(bytes: &mut Vec<u8>, size: usize) {
    if size == 0 {
        return;
    }
    let size = size.min(bytes.len());
    let kept = bytes.len() - size;
    bytes.copy_within(size.., 0);
    if let Some(rest) = bytes.get_mut(kept..) {
        rest.zeroize();
    }
    bytes.truncate(kept);
}

/// Removes and wipes all bytes, and keeps the capacity.
pub fn clear(bytes: &mut Vec<u8>) {
    bytes.as_mut_slice().zeroize();
    bytes.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    /// The bytes at an address of this process, freed or not.
    fn memory(address: usize, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        read_memory(address, &mut bytes);
        bytes
    }

    /// Reads the bytes at an address into `bytes`. It allocates nothing: an allocation could reuse
    /// that memory.
    fn read_memory(address: usize, bytes: &mut [u8]) {
        let file = std::fs::File::open("/proc/self/mem").unwrap();
        file.read_exact_at(bytes, address as u64).unwrap();
    }

    fn secret() -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4096);
        bytes.extend((0..4000).map(|i| b'A' + u8::try_from(i % 23).unwrap()));
        bytes
    }

    #[test]
    fn removed_bytes_are_wiped() {
        let mut bytes = secret();
        let address = bytes.as_ptr() as usize;
        assert_eq!(memory(address, 4000), bytes);
        drop_front(&mut bytes, 3000);
        assert_eq!(bytes, secret()[3000..]);
        assert_eq!(memory(address + 1000, 3000), [0; 3000]);
        drop_front(&mut bytes, 0);
        drop_front(&mut bytes, 5000);
        assert!(bytes.is_empty());
        assert_eq!(memory(address, 4000), [0; 4000]);
        bytes = secret();
        let address = bytes.as_ptr() as usize;
        clear(&mut bytes);
        assert_eq!((bytes.len(), bytes.capacity()), (0, 4096));
        assert_eq!(memory(address, 4000), [0; 4000]);
    }

    #[test]
    fn bytes_that_moved_leave_no_copy_behind() {
        let mut bytes = secret();
        let address = bytes.as_ptr() as usize;
        append(&mut bytes, &[7; 96]);
        assert_eq!(bytes.as_ptr() as usize, address, "the capacity sufficed");
        let (mut old, secret) = (vec![0; 4000], secret());
        append(&mut bytes, &[7; 1]);
        // Read at once: another thread may reuse the freed memory, and the next copy of the secret
        // may be in it.
        read_memory(address, &mut old);
        assert_ne!(bytes.as_ptr() as usize, address);
        assert_eq!((&bytes[..4000], bytes.len()), (&secret[..], 4097));
        // The allocator writes its own data at the start of freed memory.
        assert!(
            !old.windows(16)
                .any(|part| secret.windows(16).any(|other| part == other))
        );
    }
}
