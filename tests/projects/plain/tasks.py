from sceneshift import namespace

ns = namespace()
