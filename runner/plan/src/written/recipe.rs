//! An agent's recipe as written.

use crate::element::{List, Named, record};
use crate::scalars::{
    Altitude, Deadline, Digest, DriverFile, ExitCode, Meaning, Name, ProductCode, ServiceName, Text, Url, Version,
    WindowsPath, YesNo, choice,
};
use crate::written::guest::Probe;

record! {
    /// One vendor's product.
    Recipe, "a recipe", "recipe.md#the-file" {
        /// Its name in matrices, and the name of this file.
        id: Required "id" Name,
        /// Who is named when a driver of this product is blamed.
        vendor: Required "vendor" Text,
        /// What the vendor calls it.
        product: Required "product" Text,
        /// Versions that can be installed, each with its package.
        versions: Required "versions" List<ProductVersion>,
        /// The version that a matrix means where it names none.
        current: Required "current" Version,
        /// Agents without which it is not installed, each before it.
        requires: Optional "requires" List<Name>,
        /// Agents beside which it is never installed.
        conflicts: Optional "conflicts" List<Name>,
        /// How the package is installed.
        install: Required "install" Install,
        /// How it is removed; nothing does so yet.
        uninstall: Optional "uninstall" Uninstall,
        /// Services that must run.
        services: Optional "services" List<ServiceName>,
        /// Kernel drivers that must be loaded.
        drivers: Optional "drivers" List<Driver>,
        /// What else must be seen where the product is whole.
        probes: Optional "probes" List<Probe>,
    }
}

record! {
    /// One version of the product.
    ProductVersion, "a version of a product", "recipe.md#versions" {
        /// The version, as the vendor writes it.
        version: Required "version" Version,
        /// The file that installs it.
        package: Required "package" Package,
        /// Arguments for this version instead of those of `install`.
        arguments: Optional "arguments" List<Text>,
        /// The code that Windows Installer knows it by; nothing uses it yet.
        product_code: Optional "product-code" ProductCode,
    }
}

record! {
    /// A file, by path or address, with its digest.
    Package, "a package", "recipe.md#package" {
        /// The file, beside this one; or `url`.
        path: Optional "path" Text,
        /// Where the file is fetched from; or `path`.
        url: Optional "url" Url,
        /// Its digest: what is fetched is verified before any machine starts.
        sha256: Required "sha256" Digest,
        /// What makes the file where it is missing.
        made_by: Optional "made-by" Text,
    }
}

record! {
    /// How the product is installed.
    Install, "a way to install", "recipe.md#install" {
        /// What runs the package.
        kind: Required "kind" InstallKind,
        /// Arguments, after the fixed ones.
        arguments: Optional "arguments" List<Text>,
        /// What each exit code means; any other is a failure.
        exit_codes: Optional "exit-codes" Named<ExitCode, Meaning>,
        /// Where a `file` is put.
        destination: Optional "destination" WindowsPath,
        /// Commands for `cmd.exe` afterwards, each of which must end with 0.
        then: Optional "then" List<Text>,
        /// Longest time for the installer.
        deadline: Optional "deadline" Deadline,
    }
}

record! {
    /// How the product is removed.
    Uninstall, "a way to uninstall", "recipe.md#uninstall" {
        /// What removes it.
        kind: Required "kind" UninstallKind,
        /// The line for `cmd.exe`, where `kind` is `command`.
        command: Optional "command" Text,
    }
}

record! {
    /// One kernel driver of the product.
    Driver, "a driver", "recipe.md#drivers" {
        /// Name of its service.
        name: Required "name" ServiceName,
        /// Its file; a crash in it names the vendor.
        file: Required "file" DriverFile,
        /// Whether it is a file-system minifilter, which must be attached.
        filter: Optional "filter" YesNo,
        /// Altitude that the filter must be attached at.
        altitude: Optional "altitude" Altitude,
    }
}

choice! {
    /// Kinds of installations that recipes describe.
    InstallKind, "a kind of installation" { Msi = "msi", Exe = "exe", Script = "script", File = "file" }
}

choice! {
    /// Kinds of removal.
    UninstallKind, "a kind of removal" { Msi = "msi", Command = "command" }
}
