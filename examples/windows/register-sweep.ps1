# Registers sweep.xml for the person who runs this, whose journals it then finds below %LocalAppData%.
# It runs whether or not that person is logged on, and no password is stored (S4U). Run it as an
# administrator, once; again after sweep.xml was changed.
$ErrorActionPreference = 'Stop'
$user = [System.Security.Principal.WindowsIdentity]::GetCurrent().Name
$task = 'pexip-upgrade sweep'
Register-ScheduledTask -TaskName $task -Xml (Get-Content -Raw (Join-Path $PSScriptRoot 'sweep.xml')) -Force | Out-Null
Set-ScheduledTask -TaskName $task -Principal (New-ScheduledTaskPrincipal -UserId $user -LogonType S4U) | Out-Null
Start-ScheduledTask -TaskName $task
Write-Output "registered: $task, as $user, every five minutes; see Get-ScheduledTaskInfo '$task'"
