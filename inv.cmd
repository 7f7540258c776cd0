@echo off
rem Run this checkout's inv; make its .venv first where that is needed.
rem Does what ./inv does (see there), in the plain way: it looks after every change of
rem the lock through Python, which costs some 50 ms a call, and does not keep two
rem first calls at once apart. Not tested by this project's own test machines.
setlocal
set "python="
if defined SCENESHIFT_PYTHON (
    call :probe "%SCENESHIFT_PYTHON%"
) else (
    for %%v in (3.14 3.13 3.12 3.11) do if not defined python call :probe py -%%v
    if not defined python call :probe python
)
if not defined python (
    echo error: no working Python 3.11 or newer was found>&2
    echo hint: install one from the Microsoft Store or python.org, or set SCENESHIFT_PYTHON to its path>&2
    exit /b 2
)
rem No path in the text of a block: a bracket in a folder's name would end the block.
if not exist "%~dp0requirements\dev.lock" (
    echo error: this project has no lock to install from: requirements\dev.lock>&2
    echo hint: make it: uv pip compile pyproject.toml --universal --generate-hashes -o requirements/dev.lock>&2
    exit /b 2
)
%python% -I "%~dp0requirements\install.py" || exit /b
if not exist "%~dp0.venv\.inv-windows" (
    echo inv: Windows is not supported by commands that supervise processes: use WSL for those>&2
    echo.>"%~dp0.venv\.inv-windows"
)
"%~dp0.venv\Scripts\inv.exe" %*
exit /b

:probe
%* -I -c "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))" >nul 2>&1 && set "python=%*"
exit /b 0
