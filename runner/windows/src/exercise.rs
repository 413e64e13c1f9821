//! Making the stack work: files, processes, archives, loopback traffic, with programs that every Windows has.

use std::time::Duration;

use coexist_lab::{GuestError, Reading};
use coexist_model::Exercise;

use crate::guest::WindowsGuest;
use crate::quote::command_line;
use crate::text::{Keep, one_line};

/// Folder of the exercises.
const FOLDER: &str = r"C:\coexist\exercise";

/// The command file of an exercise; every way out says by its exit code where it failed.
pub(crate) fn lines(work: &Exercise) -> Vec<String> {
    let storm = format!("{FOLDER}\\storm");
    let pack = format!("{FOLDER}\\pack");
    let text = match work {
        Exercise::FileStorm { files } => format!(
            "if exist {storm} rmdir /s /q {storm}
mkdir {storm}
if errorlevel 1 exit /b 11
for /L %%i in (1,1,{files}) do (
  echo line %%i of the storm>{storm}\\%%i.tmp
  if errorlevel 1 exit /b 12
  ren {storm}\\%%i.tmp %%i.txt
  if errorlevel 1 exit /b 13
  type {storm}\\%%i.txt >nul
  if errorlevel 1 exit /b 14
  del /q {storm}\\%%i.txt
  if exist {storm}\\%%i.txt exit /b 15
)
rmdir /s /q {storm}
if exist {storm} exit /b 16
echo {files} files created, renamed, read and deleted
exit /b 0"
        ),
        Exercise::ProcessStarts { processes } => format!(
            "for /L %%i in (1,1,{processes}) do (
  cmd.exe /d /c exit 0
  if errorlevel 1 exit /b 12
)
echo {processes} processes started
exit /b 0"
        ),
        // tar.exe is in the box since Windows 10 1803 and Server 2019.
        Exercise::Archives => format!(
            "if exist {pack} rmdir /s /q {pack}
mkdir {pack}\\in {pack}\\out
if errorlevel 1 exit /b 11
for /L %%i in (1,1,100) do echo line %%i of the archive>{pack}\\in\\%%i.txt
tar.exe -cf {pack}\\all.tar -C {pack} in
if errorlevel 1 exit /b 12
tar.exe -xf {pack}\\all.tar -C {pack}\\out
if errorlevel 1 exit /b 13
findstr.exe /c:\"line 100 of the archive\" {pack}\\out\\in\\100.txt >nul
if errorlevel 1 exit /b 14
rmdir /s /q {pack}
echo 100 files packed and unpacked
exit /b 0"
        ),
        Exercise::Loopback => "ping.exe -n 2 127.0.0.1
exit /b %ERRORLEVEL%"
            .to_owned(),
        Exercise::Run { .. } => String::new(),
    };
    text.lines().map(str::to_owned).collect()
}

/// Runs an exercise.
pub(crate) async fn exercise(guest: &WindowsGuest, work: &Exercise, deadline: Duration) -> Result<Reading, GuestError> {
    let during = format!("the exercise {}", work.name());
    let output = match work {
        Exercise::Run { command } => {
            if let Err(error) = command_line(command) {
                return Ok(Reading { holds: false, found: one_line(&error.to_string()), exit_code: None });
            }
            guest.session.run_product(&during, command, Keep::TEXT, deadline).await?
        }
        Exercise::FileStorm { .. } | Exercise::ProcessStarts { .. } | Exercise::Archives | Exercise::Loopback => {
            let name = format!("exercise-{}", work.name());
            guest.run_script(&during, &name, &lines(work), Keep::TEXT, deadline).await?
        }
    };
    Ok(Reading { holds: output.code == 0, found: output.summary(), exit_code: Some(output.code) })
}
