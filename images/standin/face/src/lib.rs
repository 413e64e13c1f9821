//! The Windows face of the stand-in: SSH, SFTP, cmd and the tools the runner uses
