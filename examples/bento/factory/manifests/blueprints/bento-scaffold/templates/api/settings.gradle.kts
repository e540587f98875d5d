rootProject.name = "bento-api"
