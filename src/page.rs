//! spec/page.md · 4.3.2 Client-Worker Server Connection
//!
//! The files of the browser's client, which the worker serves. They are built from the sources
//! beside them; the program carries them.

/// A file of the page.
#[derive(Debug, Clone, Copy)]
pub struct PageFile {
    /// The path of its URL.
    pub path: &'static str,
    /// What it is, as the field Content-Type says it.
    pub content_type: &'static str,
    pub bytes: &'static [u8],
}

/// All files.
pub const PAGE_FILES: [PageFile; 5] = [
    PageFile {
        path: "/",
        content_type: "text/html; charset=utf-8",
        bytes: include_bytes!("page/dist/index.html"),
    },
    PageFile {
        path: "/app.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("page/dist/app.js"),
    },
    PageFile {
        path: "/app.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("page/dist/app.css"),
    },
    PageFile {
        path: "/icon.svg",
        content_type: "image/svg+xml",
        bytes: include_bytes!("page/dist/icon.svg"),
    },
    PageFile {
        path: "/licenses.txt",
        content_type: "text/plain; charset=utf-8",
        bytes: include_bytes!("page/dist/licenses.txt"),
    },
];
