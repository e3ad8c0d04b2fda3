//! spec/testkit.md · 2.2 Infrastructure Model
//!
//! Databases of deployments on a PostgreSQL server, where tests are to run on one.

use std::process::Command;
use uuid::Uuid;

/// Says on which engine deployments of tests run: `postgres`, or SQLite where it is not set.
const ENGINE: &str = "PAPERTRADER_TEST_DATABASE";
/// The server, as `tests/with-postgres` and `tests/with-patroni` name it.
const SERVER: &str = "PAPERTRADER_TEST_POSTGRES";
/// The file with its password, where it asks for one. PostgreSQL's own programs have theirs in `PGPASSFILE`.
const PASSWORD_FILE: &str = "PAPERTRADER_TEST_POSTGRES_PASSWORD_FILE";

/// An empty database, dropped with this.
#[derive(Debug)]
pub struct ServerDatabase {
    server: String,
    name: String,
}

impl ServerDatabase {
    /// Makes one, where tests are to run on a server.
    ///
    /// # Errors
    /// Another engine is asked for, no server is named, or it makes no database.
    pub fn wanted() -> Result<Option<ServerDatabase>, String> {
        match std::env::var(ENGINE).as_deref() {
            Err(_) | Ok("" | "sqlite") => return Ok(None),
            Ok("postgres") => {}
            Ok(other) => {
                return Err(format!("{ENGINE}={other} is neither sqlite nor postgres"));
            }
        }
        let made = ServerDatabase::where_there_is_a_server()?;
        made.map(Some)
            .ok_or_else(|| format!("{SERVER} names no server: run this by tests/with-postgres"))
    }

    /// Makes one, where a server is named.
    ///
    /// # Errors
    /// It makes no database.
    pub fn where_there_is_a_server() -> Result<Option<ServerDatabase>, String> {
        let Ok(server) = std::env::var(SERVER) else {
            return Ok(None);
        };
        let name = format!("deployment_{}", Uuid::new_v4().simple());
        let database = ServerDatabase { server, name };
        database.run("createdb", &["--template=template0"])?;
        Ok(Some(database))
    }

    /// The URL by which a master opens it: the server's, with this database.
    pub fn url(&self) -> String {
        let (base, parameters) = match self.server.split_once('?') {
            Some((base, parameters)) => (base, format!("?{parameters}")),
            None => (self.server.as_str(), String::new()),
        };
        let (before, _) = base.rsplit_once('/').unwrap_or((base, ""));
        format!("{before}/{}{parameters}", self.name)
    }

    /// The file with the password of the user in the URL; `None` where the server asks for none.
    pub fn password_file(&self) -> Option<String> {
        std::env::var(PASSWORD_FILE).ok()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<(), String> {
        let done = Command::new(program)
            .arg(format!("--maintenance-db={}", self.server))
            .args(arguments)
            .arg(&self.name)
            .output()
            .map_err(|error| format!("{program}: {error}"))?;
        if done.status.success() {
            return Ok(());
        }
        Err(format!(
            "{program}: {}",
            String::from_utf8_lossy(&done.stderr)
        ))
    }
}

impl Drop for ServerDatabase {
    fn drop(&mut self) {
        // The server goes after the tests, and with it what could not be dropped.
        let _ = self.run("dropdb", &["--force", "--if-exists"]);
    }
}

#[cfg(test)]
mod tests {
    use super::ServerDatabase;

    #[test]
    fn the_url_keeps_the_servers_parameters() {
        let url = |server: &str| {
            // Dropped, it would ask the server.
            let database = std::mem::ManuallyDrop::new(ServerDatabase {
                server: server.to_owned(),
                name: "deployment".to_owned(),
            });
            database.url()
        };
        assert_eq!(
            url("postgres://pt@%2Frun/postgres"),
            "postgres://pt@%2Frun/deployment"
        );
        assert_eq!(
            url("postgres://pt@h1:1,h2:2/postgres?target_session_attrs=read-write"),
            "postgres://pt@h1:1,h2:2/deployment?target_session_attrs=read-write"
        );
    }
}
