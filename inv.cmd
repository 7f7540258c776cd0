@echo off
rem Run this checkout's inv; make its .venv first where that is needed.
rem Does what ./inv does (see there), in the plain way: it looks after every change of
rem the lock through Python, which costs some 50 ms a call, and does not keep two
rem first calls at once apart. Tried with the cmd.exe of Wine, and not on Windows yet.
setlocal
set "python="
if defined SCENESHIFT_PYTHON (
    call :probe "%SCENESHIFT_PYTHON%"
) else (
    for %%v in (3.14 3.13 3.12 3.11) do if not defined python call :probe py -%%v
    if not defined python call :probe python
)
if not defined python if defined SCENESHIFT_PYTHON (
    echo error: SCENESHIFT_PYTHON is no working Python 3.11 or newer with pip>&2
    echo hint: unset it, or set it to the path of one>&2
    exit /b 2
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
%python% -I "%~dp0requirements\install.py"
if %errorlevel% neq 0 exit /b %errorlevel%
if not exist "%~dp0.venv\.inv-windows" (
    echo inv: Windows is not supported by commands that supervise processes: use WSL for those>&2
    echo.>"%~dp0.venv\.inv-windows"
)
rem inv looks for tasks.py from the working folder upwards.
set "here=%CD%\"
call set "below=%%here:%~dp0=%%"
if "%below%"=="%here%" cd /d "%~dp0"
"%~dp0.venv\Scripts\inv.exe" %*
exit /b %errorlevel%

rem No quotes around the assignment: a path that holds an ampersand brings its own.
:probe
%* -I -c "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))" >nul 2>&1 && set python=%*
exit /b 0
