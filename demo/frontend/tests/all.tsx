import "./addresses";
import "./parts";
import "./values";
