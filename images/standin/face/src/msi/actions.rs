//! The standard actions.

use super::session::{Failed, Mode, Session, Step, related_products};
use super::{condition, custom, files, products, registry, services};
use crate::RegValue;

/// Actions that go into the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    StopServices,
    DeleteServices,
    RemoveRegistryValues,
    RemoveFiles,
    RemoveFolders,
    CreateFolders,
    InstallFiles,
    WriteRegistryValues,
    InstallServices,
    StartServices,
    RegisterProduct,
}

/// Performs an action now, or puts it into the script.
pub(super) fn perform(session: &mut Session<'_>, name: &str) -> Result<(), Failed> {
    let action = match name {
        "LaunchConditions" => return launch_conditions(session),
        "FindRelatedProducts" => {
            find_related(session);
            return Ok(());
        }
        "CostFinalize" => return session.cost(),
        "InstallValidate" => return files::room(session),
        "RemoveExistingProducts" => return remove_existing(session),
        "InstallInitialize" => {
            session.scripting = true;
            return Ok(());
        }
        "InstallExecute" | "InstallExecuteAgain" => {
            session.run_script()?;
            session.scripting = true;
            return Ok(());
        }
        "InstallFinalize" => return session.run_script(),
        "ScheduleReboot" | "ForceReboot" => {
            session.reboot = true;
            return Ok(());
        }
        "StopServices" => Action::StopServices,
        "DeleteServices" => Action::DeleteServices,
        "RemoveRegistryValues" => Action::RemoveRegistryValues,
        "RemoveFiles" => Action::RemoveFiles,
        "RemoveFolders" => Action::RemoveFolders,
        "CreateFolders" => Action::CreateFolders,
        "InstallFiles" => Action::InstallFiles,
        "WriteRegistryValues" => Action::WriteRegistryValues,
        "InstallServices" => Action::InstallServices,
        "StartServices" => Action::StartServices,
        "RegisterProduct" => Action::RegisterProduct,
        _ => return custom::perform(session, name),
    };
    if !session.scripting {
        // An action that changes the system belongs between InstallInitialize and InstallFinalize.
        session.log.error(
            2762,
            &format!(
                "Unable to schedule operation {name}. The action must be scheduled between \
                                          InstallInitialize and InstallFinalize."
            ),
        );
        return Err(Failed);
    }
    session.script.push((name.to_owned(), Step::Standard(action)));
    Ok(())
}

/// Runs a scripted action.
pub(super) fn execute(session: &mut Session<'_>, action: Action) -> Result<(), Failed> {
    let removing = session.mode == Mode::Remove;
    let adding = matches!(session.mode, Mode::Install | Mode::Repair);
    match action {
        Action::StopServices => services::control(session, services::Moment::Stop),
        Action::DeleteServices => services::control(session, services::Moment::Delete),
        Action::StartServices => services::control(session, services::Moment::Start),
        Action::RemoveRegistryValues => registry::remove(session),
        Action::RemoveFiles | Action::RemoveFolders if removing => files::remove(session),
        Action::CreateFolders if adding => files::create_folders(session),
        Action::InstallFiles if adding => files::install(session),
        Action::WriteRegistryValues if adding => registry::write(session),
        Action::InstallServices if adding => services::install(session),
        Action::RegisterProduct if adding => register(session),
        Action::RegisterProduct if removing => unregister(session),
        _ => Ok(()),
    }
}

fn launch_conditions(session: &mut Session<'_>) -> Result<(), Failed> {
    for row in session.package.rows("LaunchCondition") {
        let text = row.text("Condition");
        if condition::holds(&text, session) != Some(true) {
            let description = session.format(&row.text("Description"));
            session.log.line(&format!("Product: {} -- {description}", session.product_code()));
            return Err(Failed);
        }
    }
    Ok(())
}

fn find_related(session: &mut Session<'_>) {
    if session.properties.contains_key("Installed") {
        return;
    }
    for (property, product, _) in related_products(session) {
        session.log.line(&format!("FindRelatedProducts: {} is related ({property})", product.code));
        let list = session.properties.entry(property).or_default();
        if !list.is_empty() {
            list.push(';');
        }
        list.push_str(&product.code);
    }
}

fn remove_existing(session: &mut Session<'_>) -> Result<(), Failed> {
    if session.properties.contains_key("Installed") {
        return Ok(());
    }
    for (_, product, only_detected) in related_products(session) {
        if only_detected {
            continue;
        }
        if session.scripting {
            session.script.push(("RemoveExistingProducts".to_owned(), Step::RemoveProduct(product)));
        } else {
            // Before InstallInitialize the old product goes for good: a failure later does not bring it back.
            session.remove_product(&product, false)?;
        }
    }
    Ok(())
}

fn register(session: &mut Session<'_>) -> Result<(), Failed> {
    let system = &session.process.system;
    let text = |name: &str| session.properties.get(name).cloned().unwrap_or_default();
    let (code, version) = (session.product_code(), text("ProductVersion"));
    let short: String = products::packed(&code).to_lowercase().chars().take(8).collect();
    let cached = format!("C:\\Windows\\Installer\\{short}.msi");
    let product = products::Product {
        code: code.clone(),
        package_code: session.package.code.clone(),
        version: version.clone(),
        local_package: cached.clone(),
        directories: session.directories.iter().map(|(name, path)| format!("{name}={path}")).collect(),
    };
    // The package is kept for removal; Windows keeps it without its cabinet.
    let target = system.volume.resolve(&cached);
    if !cached.eq_ignore_ascii_case(&session.source) {
        let failed = |_: std::io::Error| Failed;
        let bytes = std::fs::read(system.volume.resolve(&session.source)).map_err(failed)?;
        session.journal.set_aside(system, &target).map_err(failed)?;
        system.volume.write_durably(&target, &bytes).map_err(failed)?;
    }
    let number = |at: usize| version.split('.').nth(at).and_then(|it| it.parse::<u32>().ok()).unwrap_or(0);
    let size: u64 = session.files.iter().map(|it| it.size).sum();
    let sz = RegValue::Sz;
    let key = format!("{}\\{code}", products::UNINSTALL);
    let mut entries = products::entries(&product, session.properties.get("UpgradeCode").map(String::as_str));
    let shown = [
        ("DisplayName", sz(text("ProductName"))),
        ("DisplayVersion", sz(version.clone())),
        ("Publisher", sz(text("Manufacturer"))),
        ("InstallDate", sz(jiff::Timestamp::now().strftime("%Y%m%d").to_string())),
        ("InstallLocation", sz(text("ARPINSTALLLOCATION"))),
        ("InstallSource", sz(text("SourceDir"))),
        ("UninstallString", RegValue::ExpandSz(format!("MsiExec.exe /X{code}"))),
        ("ModifyPath", RegValue::ExpandSz(format!("MsiExec.exe /X{code}"))),
        ("Version", RegValue::Dword((number(0) << 24) | (number(1) << 16) | number(2))),
        ("VersionMajor", RegValue::Dword(number(0))),
        ("VersionMinor", RegValue::Dword(number(1))),
        ("Language", RegValue::Dword(text("ProductLanguage").parse().unwrap_or(1033))),
        ("EstimatedSize", RegValue::Dword(u32::try_from(size / 1024).unwrap_or(u32::MAX))),
        ("WindowsInstaller", RegValue::Dword(1)),
    ];
    entries.extend(shown.map(|(name, value)| (key.clone(), name.to_owned(), value)));
    for (property, name) in
        [("ARPNOMODIFY", "NoModify"), ("ARPNOREPAIR", "NoRepair"), ("ARPSYSTEMCOMPONENT", "SystemComponent")]
    {
        if session.properties.contains_key(property) {
            entries.push((key.clone(), name.to_owned(), RegValue::Dword(1)));
        }
    }
    let held = system.registry.hold();
    for (key, name, value) in entries {
        session.journal.set_value(&system.registry, &key, &name, value).map_err(|_| Failed)?;
    }
    held.release().map_err(|_| Failed)
}

fn unregister(session: &mut Session<'_>) -> Result<(), Failed> {
    let system = &session.process.system;
    let code = session.product_code();
    let upgrade = session.properties.get("UpgradeCode").cloned();
    let held = system.registry.hold();
    let product = products::find(&system.registry, &code);
    if let Some(product) = &product {
        let entries = products::entries(product, upgrade.as_deref());
        for (key, name, _) in &entries {
            session.journal.delete_value(&system.registry, key, name).map_err(|_| Failed)?;
        }
        let shown = format!("{}\\{code}", products::UNINSTALL);
        session.journal.delete_key(&system.registry, &shown).map_err(|_| Failed)?;
        products::forget(&system.registry, &code, upgrade.as_deref()).map_err(|_| Failed)?;
        let cached = system.volume.resolve(&product.local_package);
        session.journal.set_aside(system, &cached).map_err(|_| Failed)?;
    }
    held.release().map_err(|_| Failed)
}
