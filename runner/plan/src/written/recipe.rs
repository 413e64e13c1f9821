//! An agent's recipe as written.

use crate::element::{Element, Reader};
use crate::element::{List, Named, record};
use crate::node::Node;
use crate::scalars::{
    Altitude, Deadline, Digest, DriverFile, ExitCode, Meaning, Name, ProductCode, ServiceName, Text, Url, Version,
    WindowsPath, YesNo, choice,
};
use crate::written::guest::Probe;

record! {
    /// One vendor's product.
    Recipe, "a recipe", "recipe.md#the-file" {
        id: Required "id" Name,
        vendor: Required "vendor" Text,
        product: Required "product" Text,
        versions: Required "versions" List<ProductVersion>,
        current: Required "current" Version,
        requires: Optional "requires" List<Name>,
        conflicts: Optional "conflicts" List<Name>,
        install: Required "install" Install,
        uninstall: Optional "uninstall" Uninstall,
        services: Optional "services" List<ServiceName>,
        drivers: Optional "drivers" List<Driver>,
        probes: Optional "probes" List<Probe>,
    }
}

record! {
    /// One version of the product.
    ProductVersion, "a version of a product", "recipe.md#versions" {
        version: Required "version" Version,
        package: Required "package" Package,
        arguments: Optional "arguments" List<Text>,
        product_code: Optional "product-code" ProductCode,
    }
}

record! {
    /// A file, by path or address, with its digest.
    Package, "a package", "recipe.md#package" {
        path: Optional "path" Text,
        url: Optional "url" Url,
        sha256: Required "sha256" Digest,
        made_by: Optional "made-by" Text,
    }
}

record! {
    /// How the product is installed.
    Install, "a way to install", "recipe.md#install" {
        kind: Required "kind" InstallKind,
        arguments: Optional "arguments" List<Text>,
        exit_codes: Optional "exit-codes" Named<ExitCode, Meaning>,
        destination: Optional "destination" WindowsPath,
        then: Optional "then" List<Text>,
        deadline: Optional "deadline" Deadline,
    }
}

record! {
    /// How the product is removed.
    Uninstall, "a way to uninstall", "recipe.md#uninstall" {
        kind: Required "kind" UninstallKind,
        command: Optional "command" Text,
    }
}

record! {
    /// One kernel driver of the product.
    Driver, "a driver", "recipe.md#drivers" {
        name: Required "name" ServiceName,
        file: Required "file" DriverFile,
        filter: Optional "filter" YesNo,
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
