//! InstallServices, StopServices, DeleteServices, StartServices.

use super::journal::Undo;
use super::session::{Failed, Mode, Session};
use crate::ServiceConfig;
use crate::services::errors;

/// Which action of the ServiceControl table is performed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Stop,
    Delete,
    Start,
}

impl Moment {
    /// Its bit in the column `Event`.
    fn bit(self, removing: bool) -> i32 {
        let bit = match self {
            Self::Start => 1,
            Self::Stop => 2,
            Self::Delete => 8,
        };
        if removing { bit << 4 } else { bit }
    }
}

pub(super) fn control(session: &mut Session<'_>, moment: Moment) -> Result<(), Failed> {
    if session.mode == Mode::Maintain {
        return Ok(());
    }
    let bit = moment.bit(session.mode == Mode::Remove);
    for row in session.package.rows("ServiceControl") {
        let here = session.components.contains_key(&row.text("Component_"));
        if !here || row.number("Event").unwrap_or(0) & bit == 0 {
            continue;
        }
        let name = session.format(&row.text("Name"));
        let services = &session.process.system.services;
        match moment {
            Moment::Start => {
                session.log.line(&format!("Executing op: ServiceControl(Name={name},Action=1)"));
                match services.start(&name) {
                    Ok(()) => session.journal.push(Undo::Started(name)),
                    Err(errors::SERVICE_ALREADY_RUNNING) => {}
                    Err(error) => {
                        session.log.error(1920, &format!("Service '{name}' failed to start ({error})."));
                        // Without Wait the installer does not look whether the service comes up.
                        if row.number("Wait") == Some(1) {
                            return Err(Failed);
                        }
                    }
                }
            }
            Moment::Stop => match services.stop(&name) {
                Ok(()) => session.journal.push(Undo::Stopped(name)),
                Err(errors::SERVICE_DOES_NOT_EXIST | errors::SERVICE_NOT_ACTIVE) => {}
                Err(error) => {
                    // A driver that cannot be unloaded goes at the next start. [K]
                    session.log.error(1921, &format!("Service '{name}' could not be stopped ({error})."));
                    session.reboot = true;
                }
            },
            Moment::Delete => {
                if let Some(config) = services.config(&name) {
                    let key = format!("{}\\{}", crate::SERVICES_KEY, config.name);
                    let registry = &session.process.system.registry;
                    // Through the journal first, which remembers what lies under the key.
                    session.journal.delete_key(registry, &key).map_err(|_| Failed)?;
                    session.journal.push(Undo::Deleted(config));
                }
            }
        }
    }
    Ok(())
}

pub(super) fn install(session: &mut Session<'_>) -> Result<(), Failed> {
    for row in session.package.rows("ServiceInstall") {
        let Some(component) = session.components.get(&row.text("Component_")) else { continue };
        let Some(image) = session.files.iter().find(|it| it.key == component.text("KeyPath")) else {
            session.log.error(1923, "A service's component has no file.");
            return Err(Failed);
        };
        let number = |column: &str, otherwise: i32| row.number(column).unwrap_or(otherwise).cast_unsigned();
        let arguments = session.format(&row.text("Arguments"));
        let service_type = number("ServiceType", 0x10) & 0xff;
        let config = ServiceConfig {
            name: session.format(&row.text("Name")),
            service_type,
            start: number("StartType", 3),
            // The high bit asks that a failure to install be fatal; it always is.
            error_control: number("ErrorControl", 1) & 3,
            image_path: match service_type {
                1 | 2 => image.path.clone(),
                _ if arguments.is_empty() => format!("\"{}\"", image.path),
                _ => format!("\"{}\" {arguments}", image.path),
            },
            display_name: session.format(&row.optional("DisplayName").unwrap_or_else(|| row.text("Name"))),
            account: row.optional("StartName").unwrap_or_else(|| "LocalSystem".to_owned()),
            group: row.text("LoadOrderGroup"),
            depends: row.text("Dependencies").split("[~]").filter(|it| !it.is_empty()).map(str::to_owned).collect(),
        };
        let services = &session.process.system.services;
        let result = match services.config(&config.name) {
            Some(_) => services.write(&config),
            None => services.create(&config).inspect(|()| {
                session.journal.push(Undo::Created(config.name.clone()));
                crate::log::service_installed(&session.process.system.logs.system, &config);
            }),
        };
        if let Err(error) = result {
            session.log.error(1923, &format!("Service '{}' could not be installed ({error}).", config.name));
            return Err(Failed);
        }
    }
    Ok(())
}
